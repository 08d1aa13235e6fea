package store

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"havn/dfu"
	"havn/firmware"
	"havn/status"
	"havn/update/row"
	"havn/upstream/file"
	"havn/upstream/hawkbit"
	"havn/upstream/oci"
)

// content is what a file holds, as the engine sees it.
type content struct {
	Versions    map[string]firmware.Metadata // by application
	Resolutions map[string]firmware.Metadata // by spec
	Rows        []row.Record
	Assignments map[dfu.Device]firmware.Spec
	Document    string // of "key"
}

var (
	sampleImage = firmware.Metadata{
		Version: "v1/\xff", Digest: firmware.Digest{1, 31: 0xff}, Size: 3000,
		Origin: firmware.Origin{
			Kind: "container", Repository: "host/name", Manifest: "sha256:m", Layer: "sha256:l", Path: "fw.bin",
		},
		Order: "7", Names: []string{"1.0", "\x01"},
	}
	taggedImage = firmware.Metadata{Version: "2", Digest: firmware.Digest{2}, Size: 1<<32 - 1, Tagged: true}
)

// samples is the content of the golden files.
func samples() content {
	return content{
		Versions:    map[string]firmware.Metadata{"": sampleImage, "app": taggedImage},
		Resolutions: map[string]firmware.Metadata{"host/name:tag": sampleImage},
		Rows: []row.Record{
			{
				Device: dfu.Device{Application: "app", Name: "full"}, Protocol: "lorawan", Current: "v0\xff", Offset: 1024,
				InFlight: &sampleImage,
				Sent:     row.Delivery{Digest: sampleImage.Digest, From: "v0", At: 5, Booted: true, Order: "7"},
				Reason:   "other-version", Seen: 1795816013461641601, Owed: true,
				Reported: row.Reported{
					State: status.Failed, Current: "v0", Target: "v1", Error: "why", Offset: 7, At: 6, Order: "7",
				},
			},
			{Device: dfu.Device{Application: "app", Name: "new"}, Protocol: "coap", Seen: 9},
			{
				Device: dfu.Device{Application: "other", Name: "a/\xff"}, Protocol: "http", Seen: 9,
				Reason: "fetching", InFlight: &taggedImage,
			},
		},
		Assignments: map[dfu.Device]firmware.Spec{
			{Application: "app", Name: "*"}: oci.Ref{Image: "host/name:tag", ImagePullPolicy: oci.PullAlways}.Spec(),
			{Application: "app", Name: "d"}: file.Ref{Name: "blinky"}.Spec(),
			{Application: "app", Name: "e"}: hawkbit.Ref{Controller: "{device}"}.Spec(),
		},
		Document: "value",
	}
}

// read returns what s holds.
func read(t *testing.T, s *Store) content {
	t.Helper()
	c := content{Versions: map[string]firmware.Metadata{}, Resolutions: map[string]firmware.Metadata{}}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	check(s.LoadVersions(func(app string, m firmware.Metadata) { c.Versions[app] = m }))
	check(s.LoadResolutions(func(spec string, m firmware.Metadata) { c.Resolutions[spec] = m }))
	check(s.LoadRows(func(r row.Record) { c.Rows = append(c.Rows, r) }))
	var err error
	c.Assignments, err = s.LoadAssignments()
	check(err)
	document, err := s.Documents().Load("key")
	check(err)
	c.Document = string(document)
	return c
}

// write stores c.
func write(t *testing.T, s *Store, c content) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for app, m := range c.Versions {
		check(s.SaveVersion(app, m))
	}
	for spec, m := range c.Resolutions {
		check(s.SaveResolution(spec, m))
	}
	check(s.SaveRows(c.Rows, nil))
	for d, spec := range c.Assignments {
		check(s.SaveAssignment(d, &spec))
	}
	check(s.Documents().Save("key", []byte(c.Document)))
}

func golden(n int) string { return filepath.Join("testdata", fmt.Sprintf("format-%d.txt", n)) }

// dump returns all values, one a line: bucket, key, hex digits.
func dump(t *testing.T, s *Store) string {
	t.Helper()
	var out strings.Builder
	err := s.db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			return b.ForEach(func(k, v []byte) error {
				_, err := fmt.Fprintf(&out, "%s %q %x\n", name, k, v)
				return err
			})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// undump makes the state file of a dump.
func undump(t *testing.T, dir, dump string) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, "state.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(func(tx *bbolt.Tx) error {
		for lines := bufio.NewScanner(strings.NewReader(dump)); lines.Scan(); {
			var name, key, value string
			if _, err := fmt.Sscanf(lines.Text(), "%s %q %s", &name, &key, &value); err != nil {
				return err
			}
			b, err := tx.CreateBucketIfNotExists([]byte(name))
			if err != nil {
				return err
			}
			data, err := hex.DecodeString(value)
			if err != nil {
				return err
			}
			if err := b.Put([]byte(key), data); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// openGolden opens a file of format n.
func openGolden(t *testing.T, n int) (s *Store, dir string) {
	t.Helper()
	text, err := os.ReadFile(golden(n))
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	undump(t, dir, string(text))
	return open(t, dir), dir
}

// Every format that a gateway ever wrote is read.
func TestFormatsAreRead(t *testing.T) {
	for n := 1; n <= format; n++ {
		s, dir := openGolden(t, n)
		if diff := cmp.Diff(samples(), read(t, s)); diff != "" {
			t.Errorf("format %d:\n%s", n, diff)
		}
		if diff := cmp.Diff(samples(), read(t, reopen(t, s, dir))); diff != "" {
			t.Errorf("format %d, opened again:\n%s", n, diff)
		}
	}
}

// What is written today is, byte for byte, today's format: a change here needs
// another number and a migration.
func TestFormatIsWritten(t *testing.T) {
	s := open(t, t.TempDir())
	write(t, s, samples())
	got := dump(t, s)
	want, err := os.ReadFile(golden(format))
	if os.IsNotExist(err) {
		t.Fatalf("%s is missing; of this format it is\n%s", golden(format), got)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

// A migration leaves the older file beside the new one.
func TestMigrationKeepsACopy(t *testing.T) {
	text, err := os.ReadFile(golden(1))
	if err != nil {
		t.Fatal(err)
	}
	s, dir := openGolden(t, 1)
	if got, want := s.Migrated(), filepath.Join(dir, "state.db.format-1"); got != want {
		t.Errorf("the copy is said to be %q, want %q", got, want)
	}
	kept := t.TempDir()
	if err := os.Rename(s.Migrated(), filepath.Join(kept, "state.db")); err != nil {
		t.Fatal(err)
	}
	if again := reopen(t, s, dir); again.Migrated() != "" {
		t.Errorf("migrated once more, to %s", again.Migrated())
	}
	db, err := bbolt.Open(filepath.Join(kept, "state.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if diff := cmp.Diff(string(text), dump(t, &Store{db: db})); diff != "" {
		t.Error(diff)
	}
}

// A damaged entry is named, and the file stays as it was; a damaged row is no
// obstacle.
func TestMigrationOfDamage(t *testing.T) {
	text, err := os.ReadFile(golden(1))
	if err != nil {
		t.Fatal(err)
	}
	for _, bucket := range []string{"ledger", "resolutions", "assignments", "rows"} {
		dir := t.TempDir()
		undump(t, dir, string(text)+bucket+` "app/damaged" ff`+"\n")
		s, err := Open(dir, kinds)
		switch {
		case bucket == "rows" && err == nil:
			if diff := cmp.Diff(samples(), read(t, s)); diff != "" {
				t.Error(diff)
			}
			_ = s.Close()
		case bucket == "rows" || err == nil || !strings.Contains(err.Error(), bucket+` entry "app/damaged"`):
			t.Errorf("%s: %v", bucket, err)
		default:
			undump(t, dir, bucket+` "app/damaged" a0`+"\n") // it can be mended: nothing was migrated
			open(t, dir)
		}
	}
}
