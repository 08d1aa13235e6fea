package spool

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"havn/dfu"
	"havn/firmware"
	"havn/status"
	"havn/upstream"
)

// goldenEvents are the events of the golden file, one of each kind.
func goldenEvents() (transition, sent, progress upstream.Event) {
	dev := dfu.Device{Application: "app", Name: "d\xff"}
	event := upstream.Event{Device: dev, Time: time.UnixMilli(1795816013461).UTC()}
	transition, sent, progress = event, event, event
	transition.Kind, sent.Kind, progress.Kind = upstream.Transition, upstream.Telemetry, upstream.Progress
	transition.Status = status.Status{
		Device: dev, Current: "v1", Target: "v2", State: status.Failed, Offset: 3000, Size: 3502, Progress: 1,
		Protocol: "coap", Error: "rolled back", Digest: firmware.Digest{1, 31: 0xff}, Order: "7",
	}
	sent.Channel, sent.ContentType, sent.Payload = "state", "text/plain", []byte{0, 0xff}
	progress.Status = status.Status{
		Device: dev, State: status.Updating, Offset: 1, Size: 1<<32 - 1, Progress: 0.3, Protocol: "lorawan",
	}
	return transition, sent, progress
}

// write stores them; one of them is refused.
func write(t *testing.T, s *Spool) {
	t.Helper()
	transition, sent, progress := goldenEvents()
	add(t, s, cloud, transition, sent, progress)
	add(t, s, registry, transition)
	refused := upstream.Refusal{Entry: held(t, s, registry)[0], Reason: "no such device"}
	if err := s.Settle(registry, nil, []upstream.Refusal{refused}); err != nil {
		t.Fatal(err)
	}
}

const golden = "testdata/format-1.txt"

// dump returns the buckets, each followed by its values: path, hex digits of key
// and value.
func dump(t *testing.T, s *Spool) string {
	t.Helper()
	var out strings.Builder
	var bucket func(path string, b *bbolt.Bucket) error
	bucket = func(path string, b *bbolt.Bucket) error {
		fmt.Fprintln(&out, path)
		return b.ForEach(func(k, v []byte) error {
			if inner := b.Bucket(k); inner != nil {
				return bucket(path+"/"+string(k), inner)
			}
			_, err := fmt.Fprintf(&out, "%s %x %x\n", path, k, v)
			return err
		})
	}
	err := s.db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error { return bucket(string(name), b) })
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// undump makes the file of a dump.
func undump(t *testing.T, dir, dump string) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, fileName), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(func(tx *bbolt.Tx) error {
		for line := range strings.Lines(dump) {
			fields := strings.Split(strings.TrimSuffix(line, "\n"), " ")
			b, err := makeBucket(tx, strings.Split(fields[0], "/"))
			if err != nil {
				return err
			}
			if len(fields) == 1 {
				continue
			}
			key, errKey := hex.DecodeString(fields[1])
			value, errValue := hex.DecodeString(fields[2])
			if errKey != nil || errValue != nil {
				return fmt.Errorf("%s: %w", line, errors.Join(errKey, errValue))
			}
			if err := b.Put(key, value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func makeBucket(tx *bbolt.Tx, path []string) (*bbolt.Bucket, error) {
	b, err := tx.CreateBucketIfNotExists([]byte(path[0]))
	for _, name := range path[1:] {
		if err == nil {
			b, err = b.CreateBucketIfNotExists([]byte(name))
		}
	}
	return b, err
}

func TestFormatIsRead(t *testing.T) {
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	undump(t, dir, string(text))
	s := open(t, dir, Config{}, cloud, registry)
	var got []upstream.Event
	for _, e := range held(t, s, cloud) {
		got = append(got, e.Event)
	}
	transition, sent, progress := goldenEvents()
	if diff := cmp.Diff([]upstream.Event{transition, sent, progress}, got); diff != "" {
		t.Error(diff)
	}
	refused, err := s.Refused()
	if err != nil || len(refused) != 1 || refused[0].Entry.Line != registry || refused[0].Reason != "no such device" {
		t.Fatalf("set aside: %+v, %v", refused, err)
	}
	if diff := cmp.Diff(transition, refused[0].Entry.Event); diff != "" {
		t.Error(diff)
	}
	if owed, err := s.Owed(); err != nil || len(owed) != 1 || owed[0] != transition.Device || s.Fresh() {
		t.Errorf("owed %v, %v, fresh %v", owed, err, s.Fresh())
	}
}

// What is written today is, byte for byte, today's format: a change here needs
// another number and a migration.
func TestFormatIsWritten(t *testing.T) {
	s := open(t, t.TempDir(), Config{}, cloud, registry)
	write(t, s)
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), dump(t, s)); diff != "" {
		t.Error(diff)
	}
}

// A file of a newer gateway is refused and left as it is.
func TestNewerFormatIsRefused(t *testing.T) {
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	number := fmt.Sprintf("meta %x ", keyFormat)
	undump(t, dir, strings.Replace(string(text), number+"31", number+"39", 1))
	path := filepath.Join(dir, fileName)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, Config{}, []string{cloud, registry}, nil)
	if err == nil || !strings.Contains(err.Error(), "its format is 9") || !strings.Contains(err.Error(), "newer gateway") {
		t.Errorf("got %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed, or %v", err)
	}
}
