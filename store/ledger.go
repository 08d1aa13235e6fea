package store

import (
	"bytes"

	"go.etcd.io/bbolt"

	"havn/firmware"
)

// LoadVersions implements update.Ledger.
func (s *Store) LoadVersions(each func(application string, m firmware.Metadata)) error {
	return load(s, bucketLedger, func(k []byte, m firmware.Metadata) {
		app, _, _ := bytes.Cut(k, separator)
		each(string(app), m)
	})
}

// SaveVersion implements update.Ledger.
func (s *Store) SaveVersion(application string, m firmware.Metadata) error {
	return s.save(bucketLedger, key(application, m.Version), m)
}

// LoadResolutions implements update.Ledger.
func (s *Store) LoadResolutions(each func(spec string, m firmware.Metadata)) error {
	return load(s, bucketResolutions, func(k []byte, m firmware.Metadata) { each(string(k), m) })
}

// SaveResolution implements update.Ledger.
func (s *Store) SaveResolution(spec string, m firmware.Metadata) error {
	if m.Digest.IsZero() {
		return s.remove(bucketResolutions, []byte(spec))
	}
	return s.save(bucketResolutions, []byte(spec), m)
}

// load hands every value of a bucket to each.
func load[T any](s *Store, bucket []byte, each func(k []byte, v T)) error {
	return s.each(bucket, func(k, data []byte) error {
		var v T
		err := decode.Unmarshal(data, &v)
		if err == nil {
			each(k, v)
		}
		return err
	})
}

// each reads a bucket. A value that cannot be read ends it: what the ledger
// holds must not be forgotten silently.
func (s *Store) each(bucket []byte, read func(k, data []byte) error) error {
	return s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucket).ForEach(func(k, data []byte) error {
			if err := read(k, data); err != nil {
				return damaged(bucket, k, err)
			}
			return nil
		})
	})
}
