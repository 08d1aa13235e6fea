package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"havn/dfu"
	"havn/firmware"
	"havn/update/row"
	"havn/upstream/file"
	"havn/upstream/hawkbit"
	"havn/upstream/oci"
)

var kinds = firmware.Kinds{oci.Kind, file.Kind, hawkbit.Kind}

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, kinds)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// reopen returns what another process would find.
func reopen(t *testing.T, s *Store, dir string) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, dir)
}

var image = firmware.Metadata{
	Version: "v1/\xff", Digest: firmware.Digest{1}, Size: 3,
	Origin: firmware.Origin{Kind: "container", Repository: "host/name", Manifest: "sha256:m", Layer: "sha256:l"},
	Order:  "7",
}

func TestLedger(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for _, app := range []string{"", "app"} {
		if err := s.SaveVersion(app, image); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]firmware.Metadata{}
	err := reopen(t, s, dir).LoadVersions(func(app string, m firmware.Metadata) { got[app] = m })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]firmware.Metadata{"": image, "app": image}, got); diff != "" {
		t.Error(diff)
	}
}

func TestResolutions(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.SaveResolution("host/name:tag", image); err != nil {
		t.Fatal(err)
	}
	got := map[string]firmware.Metadata{}
	err := reopen(t, s, dir).LoadResolutions(func(spec string, m firmware.Metadata) { got[spec] = m })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]firmware.Metadata{"host/name:tag": image}, got); diff != "" {
		t.Error(diff)
	}
}

func TestResolutionIsRemoved(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for _, m := range []firmware.Metadata{image, {}} {
		if err := s.SaveResolution("hawkbit:c", m); err != nil {
			t.Fatal(err)
		}
	}
	err := reopen(t, s, dir).LoadResolutions(func(spec string, _ firmware.Metadata) {
		t.Errorf("%s is still there", spec)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A ledger that lost an entry could give a version another digest.
func TestDamagedLedgerIsRefused(t *testing.T) {
	s := open(t, t.TempDir())
	err := s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketLedger).Put([]byte("app/v1"), []byte{0xff}) })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.LoadVersions(func(string, firmware.Metadata) {}); err == nil || !strings.Contains(err.Error(), "app/v1") {
		t.Errorf("got %v", err)
	}
}

func TestRows(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	full := row.Record{
		Device: dfu.Device{Application: "app", Name: "a"}, Protocol: "lorawan", Current: "v0", Offset: 7,
		InFlight: &image, Sent: row.Delivery{Digest: image.Digest, From: "v0", At: 5, Booted: true, Order: "7"},
		Reason: "unaligned", Seen: 9,
	}
	gone := row.Record{Device: dfu.Device{Application: "app", Name: "b"}}
	if err := s.SaveRows([]row.Record{full, gone}, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveRows(nil, []dfu.Device{gone.Device}); err != nil {
		t.Fatal(err)
	}
	var got []row.Record
	if err := reopen(t, s, dir).LoadRows(func(r row.Record) { got = append(got, r) }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]row.Record{full}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDocuments(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if got, err := s.Documents().Load("key"); got != nil || err != nil {
		t.Errorf("none yet: %q, %v", got, err)
	}
	if err := s.Documents().Save("key", []byte("value")); err != nil {
		t.Fatal(err)
	}
	if got, err := reopen(t, s, dir).Documents().Load("key"); string(got) != "value" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAssignments(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	a, b := dfu.Device{Application: "app", Name: "*"}, dfu.Device{Application: "app", Name: "b"}
	spec := oci.Ref{Image: "host/name:tag"}.Spec()
	for _, d := range []dfu.Device{a, b} {
		if err := s.SaveAssignment(d, &spec); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SaveAssignment(b, nil); err != nil {
		t.Fatal(err)
	}
	got, err := reopen(t, s, dir).LoadAssignments()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[dfu.Device]firmware.Spec{a: spec}, got); diff != "" {
		t.Error(diff)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Run("a second process", func(t *testing.T) {
		dir := t.TempDir()
		open(t, dir)
		if _, err := Open(dir, kinds); err == nil || !strings.Contains(err.Error(), "another gateway") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a newer format", func(t *testing.T) {
		dir := t.TempDir()
		s := open(t, dir)
		err := s.db.Update(func(tx *bbolt.Tx) error { return put(tx.Bucket(bucketMeta), keyFormat, format+1) })
		if err != nil {
			t.Fatal(err)
		}
		_ = s.Close()
		if _, err := Open(dir, kinds); err == nil || !strings.Contains(err.Error(), "written by a newer gateway: its format is 3") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("what is no state file", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "state.db"), []byte(strings.Repeat("x", 70000)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, kinds); err == nil || !strings.Contains(err.Error(), "move it away") {
			t.Errorf("got %v", err)
		}
	})
}
