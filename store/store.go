package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fxamacker/cbor/v2"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"havn/dfu"
	"havn/firmware"
	"havn/update"
	"havn/update/row"
)

var (
	bucketMeta        = []byte("meta")
	bucketLedger      = []byte("ledger")
	bucketResolutions = []byte("resolutions")
	bucketRows        = []byte("rows")
	bucketAssignments = []byte("assignments")
	bucketDocuments   = []byte("documents")
	keyFormat         = []byte("format")
)

// lockTimeout is how long Open waits for another process to let go of the
// file: longer than a restart takes, shorter than an operator's patience.
const lockTimeout = 2 * time.Second

// Store is the open file. Its methods may be called concurrently.
type Store struct {
	db    *bbolt.DB
	kinds firmware.Kinds
	found int // format that Open found, 0 for a new file
}

// Migrated returns the name of the copy that Open made of an older state before
// the migration, empty where there was nothing to migrate.
func (s *Store) Migrated() (copied string) {
	if s.found == 0 || s.found == format {
		return ""
	}
	return copyName(s.db.Path(), s.found)
}

// Open opens or makes the state file in directory dir. Assignments are read with
// kinds.
func Open(dir string, kinds firmware.Kinds) (*Store, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	path := filepath.Join(dir, "state.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockTimeout})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("state %s: in use; is another gateway running on this directory?", path)
	case err != nil:
		return nil, fmt.Errorf("state %s: %w; restore the file, or move it away to start without history", path, err)
	}
	found, err := migrate(db)
	if err == nil {
		err = db.Update(prepare)
	}
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("state %s: %w", path, err)
	}
	return &Store{db, kinds, found}, nil
}

// prepare makes the buckets that are missing.
func prepare(tx *bbolt.Tx) error {
	buckets := [][]byte{
		bucketMeta, bucketLedger, bucketResolutions, bucketRows, bucketAssignments, bucketDocuments,
	}
	for _, name := range buckets {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	if meta := tx.Bucket(bucketMeta); meta.Get(keyFormat) == nil {
		return put(meta, keyFormat, format)
	}
	return nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

// Versions are any bytes, so strings are stored as CBOR byte strings.
var (
	encode = must(cbor.EncOptions{String: cbor.StringToByteString, Sort: cbor.SortCoreDeterministic}.EncMode())
	decode = must(cbor.DecOptions{ByteStringToString: cbor.ByteStringToStringAllowed}.DecMode())
)

func must[T any](mode T, err error) T {
	if err != nil {
		panic(err) // the options above are constant
	}
	return mode
}

// separator ends the application in a key; no application holds it.
var separator = []byte("/")

func key(application, name string) []byte {
	return append(append([]byte(application), separator...), name...)
}

// put encodes v under k.
func put(b *bbolt.Bucket, k []byte, v any) error {
	data, err := encode.Marshal(v)
	if err != nil {
		return err
	}
	return b.Put(k, data)
}

// save stores v under k.
func (s *Store) save(bucket, k []byte, v any) error {
	return s.db.Update(func(tx *bbolt.Tx) error { return put(tx.Bucket(bucket), k, v) })
}

// remove takes k away.
func (s *Store) remove(bucket, k []byte) error {
	return s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucket).Delete(k) })
}

func damaged(bucket, k []byte, err error) error {
	return fmt.Errorf("state: %s entry %q is damaged: %w; restore the file, or move it away to start without history",
		bucket, k, err)
}

// LoadRows implements row.Store. A row that does not decode is skipped: its
// device reports again.
func (s *Store) LoadRows(each func(row.Record)) error {
	return s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketRows).ForEach(func(_, data []byte) error {
			var rec row.Record
			if decode.Unmarshal(data, &rec) == nil {
				each(rec)
			}
			return nil
		})
	})
}

// SaveRows implements row.Store.
func (s *Store) SaveRows(save []row.Record, drop []dfu.Device) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		rows := tx.Bucket(bucketRows)
		for _, rec := range save {
			if err := put(rows, key(rec.Device.Application, rec.Device.Name), rec); err != nil {
				return err
			}
		}
		for _, dev := range drop {
			if err := rows.Delete(key(dev.Application, dev.Name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// LoadAssignments implements update.Assignments.
func (s *Store) LoadAssignments() (map[dfu.Device]firmware.Spec, error) {
	all := map[dfu.Device]firmware.Spec{}
	return all, s.each(bucketAssignments, func(k, data []byte) error {
		app, name, _ := bytes.Cut(k, separator)
		spec, err := s.kinds.Parse(data)
		all[dfu.Device{Application: string(app), Name: string(name)}] = spec
		return err
	})
}

// SaveAssignment implements update.Assignments.
func (s *Store) SaveAssignment(d dfu.Device, spec *firmware.Spec) error {
	if spec == nil {
		return s.remove(bucketAssignments, key(d.Application, d.Name))
	}
	data, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	return s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketAssignments).Put(key(d.Application, d.Name), data)
	})
}

var _ update.Store = (*Store)(nil)
