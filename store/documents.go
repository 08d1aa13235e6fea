package store

import (
	"bytes"

	"go.etcd.io/bbolt"
)

// Documents keeps what other parts have to remember, by keys of their own.
type Documents struct{ store *Store }

// Documents returns the documents of the file.
func (s *Store) Documents() Documents { return Documents{s} }

// Load returns the document of key, nil if there is none.
func (d Documents) Load(key string) (value []byte, err error) {
	err = d.store.db.View(func(tx *bbolt.Tx) error {
		value = bytes.Clone(tx.Bucket(bucketDocuments).Get([]byte(key)))
		return nil
	})
	return value, err
}

// Save stores the document of key. It is on disk when the call returns.
func (d Documents) Save(key string, value []byte) error {
	return d.store.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketDocuments).Put([]byte(key), value)
	})
}
