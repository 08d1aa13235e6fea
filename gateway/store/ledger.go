package store

import (
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"havn/gateway/firmware"
)

// Record implements update.Ledger.
func (s *Store) Record(application string, m firmware.Metadata) (firmware.Metadata, error) {
	s.recording.Lock()
	defer s.recording.Unlock()
	known, err := s.Find(application, m.Version)
	if err == nil {
		if m, err = merge(known, m); err != nil {
			return known, err
		}
	}
	if err := s.write(bucketLedger, key(application, m.Version), m); err != nil {
		return m, fmt.Errorf("ledger entry of version %q: %w", m.Version, err)
	}
	return m, nil
}

// merge returns m with the names of the entry known, which is of the same
// version and must be of the same digest.
func merge(known, m firmware.Metadata) (firmware.Metadata, error) {
	if known.Digest != m.Digest {
		return known, fmt.Errorf("%w (%s)", firmware.ErrVersionTaken, known.Digest)
	}
	names := append(slices.Clone(known.Names), m.Names...)
	slices.Sort(names)
	m.Names = slices.Compact(names)
	return m, nil
}

// Find implements update.Ledger.
func (s *Store) Find(application, version string) (m firmware.Metadata, err error) {
	err = s.view(bucketLedger, key(application, version), &m)
	return m, err
}

// SaveResolution implements update.Ledger.
func (s *Store) SaveResolution(spec string, m firmware.Metadata) error {
	return s.write(bucketResolutions, []byte(spec), m)
}

// Resolution implements update.Ledger.
func (s *Store) Resolution(spec string) (m firmware.Metadata, err error) {
	err = s.view(bucketResolutions, []byte(spec), &m)
	return m, err
}

func (s *Store) view(bucket, k []byte, v any) error {
	return s.db.View(func(tx *bbolt.Tx) error { return get(tx.Bucket(bucket), k, v) })
}
