package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"havn/gateway/dfu"
	"havn/gateway/firmware"
	"havn/gateway/update"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
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
	Origin: firmware.Origin{Kind: firmware.KindContainer, Repository: "host/name", Manifest: "sha256:m", Layer: "sha256:l"},
}

func TestLedger(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := s.Find("app", image.Version); !errors.Is(err, firmware.ErrNotFound) {
		t.Errorf("empty ledger: %v", err)
	}
	if _, err := s.Record("app", image); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s, dir)
	got, err := s.Find("app", image.Version)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(image, got); diff != "" {
		t.Error(diff)
	}
	other := image
	other.Digest = firmware.Digest{2}
	if _, err := s.Record("app", other); !errors.Is(err, firmware.ErrVersionTaken) {
		t.Errorf("another digest under the same version: %v", err)
	}
	if _, err := s.Record("app2", other); err != nil {
		t.Errorf("another application: %v", err)
	}
}

func TestLedgerCollectsNames(t *testing.T) {
	s := open(t, t.TempDir())
	for _, name := range []string{"b", "a", "b"} {
		m := image
		m.Names = []string{name}
		if _, err := s.Record("app", m); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Record("app", image)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, got.Names); diff != "" {
		t.Error(diff)
	}
}

func TestResolutions(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := s.Resolution("host/name:tag"); !errors.Is(err, firmware.ErrNotFound) {
		t.Errorf("none yet: %v", err)
	}
	if err := s.SaveResolution("host/name:tag", image); err != nil {
		t.Fatal(err)
	}
	got, err := reopen(t, s, dir).Resolution("host/name:tag")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(image, got); diff != "" {
		t.Error(diff)
	}
}

func TestRows(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	full := update.Record{
		Device: dfu.Device{Application: "app", Name: "a"}, Protocol: update.LoRaWAN, Current: "v0", Offset: 7,
		InFlight: &image, Sent: update.Delivery{Digest: image.Digest, From: "v0", At: 5, Booted: true},
		Reason: update.ReasonUnaligned, Seen: 9,
	}
	gone := update.Record{Device: dfu.Device{Application: "app", Name: "b"}}
	if err := s.SaveRows([]update.Record{full, gone}, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveRows(nil, []dfu.Device{gone.Device}); err != nil {
		t.Fatal(err)
	}
	var got []update.Record
	if err := reopen(t, s, dir).LoadRows(func(r update.Record) { got = append(got, r) }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]update.Record{full}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAssignments(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	a, b := dfu.Device{Application: "app", Name: "*"}, dfu.Device{Application: "app", Name: "b"}
	spec := firmware.Spec{Container: &firmware.ContainerSpec{Image: "host/name:tag"}}
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
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "another gateway") {
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
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "format 2") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("what is no state file", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "state.db"), []byte(strings.Repeat("x", 70000)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "move it away") {
			t.Errorf("got %v", err)
		}
	})
}

func TestWritingTheSameWritesNothing(t *testing.T) {
	s := open(t, t.TempDir())
	if _, err := s.Record("app", image); err != nil {
		t.Fatal(err)
	}
	before := s.db.Stats()
	for range 10 {
		if _, err := s.Record("app", image); err != nil {
			t.Fatal(err)
		}
	}
	after := s.db.Stats()
	if diff := after.Sub(&before); diff.TxStats.GetWrite() != 0 {
		t.Errorf("%d writes", diff.TxStats.GetWrite())
	}
}
