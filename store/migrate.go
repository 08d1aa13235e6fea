package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/fxamacker/cbor/v2"
	"go.etcd.io/bbolt"
)

// format is the number of the file's layout. Raise it with every change that
// an older gateway would misread, a change of a document included, and add a
// step to migrations.
const format = 2

// migrations are the steps from a format to the next. A step works on the
// encoded values and not on today's Go types, so that it stays right when the
// types change.
var migrations = map[int]func(*bbolt.Tx) error{1: toFormat2}

// formatOf returns the format of the file, 0 for a new one.
func formatOf(tx *bbolt.Tx) (n int, err error) {
	meta := tx.Bucket(bucketMeta)
	if meta == nil || meta.Get(keyFormat) == nil {
		return 0, nil
	}
	err = decode.Unmarshal(meta.Get(keyFormat), &n)
	if err == nil && n < 1 {
		err = fmt.Errorf("there is no format %d", n)
	}
	if err != nil {
		return 0, damaged(bucketMeta, keyFormat, err)
	}
	return n, nil
}

// migrate brings the file to today's format and returns the format it had, 0 for
// a new file. A file of an older format is first copied, beside itself, for the
// operator who wants to go back.
func migrate(db *bbolt.DB) (found int, err error) {
	err = db.View(func(tx *bbolt.Tx) (err error) {
		if found, err = formatOf(tx); err != nil || found == 0 || found == format {
			return err
		}
		if found > format {
			return fmt.Errorf("written by a newer gateway: its format is %d, this gateway reads up to %d; "+
				"run the newer gateway, or put back %s, its copy of the older state",
				found, format, copyName(db.Path(), format))
		}
		return copyTo(tx, copyName(db.Path(), found))
	})
	if err != nil || found == 0 || found == format {
		return found, err
	}
	return found, db.Update(func(tx *bbolt.Tx) error {
		for n := found; n < format; n++ {
			if err := migrations[n](tx); err != nil {
				return fmt.Errorf("migration from format %d: %w", n, err)
			}
		}
		return put(tx.Bucket(bucketMeta), keyFormat, format)
	})
}

// copyName is the name of the copy of a file of format n.
func copyName(path string, n int) string { return fmt.Sprintf("%s.format-%d", path, n) }

// copyTo writes the whole file to path. The copy is on disk when it returns nil.
func copyTo(tx *bbolt.Tx, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("copy before the migration: %w", err)
	}
	_, err = tx.WriteTo(f)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("copy before the migration to %s: %w", path, err)
	}
	return nil
}

// Format 1 had the names of Go fields as keys of devices and images, numbers
// for protocols and reasons, and assignments in CBOR.
var (
	names1 = map[string]int{
		"Version": 1, "Digest": 2, "Size": 3, "Origin": 4, "Order": 5, "Tagged": 6, "Names": 7,
	}
	originNames1 = map[string]int{"Kind": 1, "Repository": 2, "Manifest": 3, "Layer": 4, "Path": 5}
	deviceNames1 = map[string]int{"application": 1, "device": 2}

	protocols1 = []string{"coap", "lorawan", "http"}
	reasons1   = []string{
		"", "fetching", "version-too-long", "swap-too-long", "chunk-too-small", "beyond-end",
		"unaligned", "budget", "unknown-in-flight", "rolled-back", "other-version",
	}
)

func toFormat2(tx *bbolt.Tx) error {
	steps := []struct {
		bucket []byte
		value  conversion
	}{
		{bucketLedger, image2}, {bucketResolutions, image2}, {bucketRows, row2}, {bucketAssignments, assignment2},
	}
	for _, step := range steps {
		if err := rewrite(tx.Bucket(step.bucket), step.bucket, step.value); err != nil {
			return err
		}
	}
	return nil
}

// rewrite replaces each value of a bucket. A row that cannot be read stays as it
// is: LoadRows skips it.
func rewrite(b *bbolt.Bucket, name []byte, value conversion) error {
	var keys, values [][]byte // a bucket must not change during the walk
	err := b.ForEach(func(k, old []byte) error {
		data, err := value(old)
		switch {
		case err == nil:
			keys, values = append(keys, bytes.Clone(k)), append(values, data)
		case !bytes.Equal(name, bucketRows):
			return damaged(name, k, err)
		}
		return nil
	})
	for i, k := range keys {
		if err == nil {
			err = b.Put(k, values[i])
		}
	}
	return err
}

// image2 returns an image with numbers for keys.
func image2(old []byte) ([]byte, error) {
	image, err := numbered(old, names1)
	if err != nil {
		return nil, err
	}
	return convert(image, map[int]conversion{4: origin2})
}

func row2(old []byte) ([]byte, error) {
	row := map[int]cbor.RawMessage{2: {0}} // the protocol 0 was left out
	if err := decode.Unmarshal(old, &row); err != nil {
		return nil, err
	}
	return convert(row, map[int]conversion{1: device2, 2: protocol2, 5: image2, 7: reason2})
}

func origin2(old []byte) ([]byte, error)   { return renumbered(old, originNames1) }
func device2(old []byte) ([]byte, error)   { return renumbered(old, deviceNames1) }
func protocol2(old []byte) ([]byte, error) { return named(old, protocols1) }
func reason2(old []byte) ([]byte, error)   { return named(old, reasons1) }

// conversion returns a value as the next format has it.
type conversion func(old []byte) ([]byte, error)

// convert encodes a struct, some fields of it converted.
func convert(fields map[int]cbor.RawMessage, how map[int]conversion) (_ []byte, err error) {
	for key, value := range how {
		if old, ok := fields[key]; ok {
			if fields[key], err = value(old); err != nil {
				return nil, err
			}
		}
	}
	return encode.Marshal(fields)
}

// assignment2 returns the JSON of a spec.
func assignment2(old []byte) ([]byte, error) {
	var spec map[string]map[string]string
	if err := decode.Unmarshal(old, &spec); err != nil {
		return nil, err
	}
	return json.Marshal(spec)
}

// numbered reads a struct and returns its fields by number. Fields without a
// number, and empty ones, are left out.
func numbered(old []byte, names map[string]int) (map[int]cbor.RawMessage, error) {
	var fields map[string]cbor.RawMessage
	if err := decode.Unmarshal(old, &fields); err != nil {
		return nil, err
	}
	next := map[int]cbor.RawMessage{}
	for name, value := range fields {
		if n, ok := names[name]; ok && !empty(value) {
			next[n] = value
		}
	}
	return next, nil
}

func renumbered(old []byte, names map[string]int) ([]byte, error) {
	fields, err := numbered(old, names)
	if err != nil {
		return nil, err
	}
	return encode.Marshal(fields)
}

// empty reports whether a value is an empty string, false or null.
func empty(value []byte) bool {
	return len(value) == 1 && (value[0] == 0x40 || value[0] == 0xf4 || value[0] == 0xf6)
}

// named returns the name of a number.
func named(number []byte, names []string) ([]byte, error) {
	var n uint
	if err := decode.Unmarshal(number, &n); err != nil {
		return nil, err
	}
	if n >= uint(len(names)) {
		return nil, fmt.Errorf("number %d, none of %d", n, len(names))
	}
	return encode.Marshal(names[n])
}
