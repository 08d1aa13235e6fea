package spool

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"havn/dfu"
	"havn/firmware"
	"havn/upstream"
)

func expect(t *testing.T, s *Spool, line string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, texts(t, s, line)); diff != "" {
		t.Error(diff)
	}
}

func TestOrderOverRestarts(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Config{}, cloud, registry)
	add(t, s, cloud, statusOf("a", upstream.Transition, 0), statusOf("b", upstream.Transition, 0))
	add(t, s, registry, statusOf("a", upstream.Transition, 0))
	s = reopen(t, s, dir, Config{}, cloud, registry)
	add(t, s, cloud, telemetry("a", []byte("hot")), statusOf("a", upstream.Transition, 9))
	expect(t, s, cloud, "a transition 0", "b transition 0", "a hot", "a transition 9")
	expect(t, s, registry, "a transition 0")
	if st := s.Stats(); st.Events != 5 || st.Bytes == 0 {
		t.Errorf("%+v", st)
	}
}

func TestNewerStatusSupersedesProgress(t *testing.T) {
	s := open(t, t.TempDir(), Config{}, cloud)
	add(t, s, cloud, statusOf("a", upstream.Transition, 0), statusOf("a", upstream.Progress, 1), statusOf("b", upstream.Progress, 1))
	add(t, s, cloud, statusOf("a", upstream.Progress, 2), telemetry("a", []byte("hot")))
	add(t, s, cloud, statusOf("a", upstream.Progress, 3))
	expect(t, s, cloud, "a transition 0", "b progress 1", "a hot", "a progress 3")
	add(t, s, cloud, statusOf("a", upstream.Transition, 4), statusOf("a", upstream.Transition, 5))
	expect(t, s, cloud, "a transition 0", "b progress 1", "a hot", "a transition 4", "a transition 5")
	if n := s.Stats().Superseded; n != 3 {
		t.Errorf("%d superseded", n)
	}
}

func TestNextSkipsAndBounds(t *testing.T) {
	s := open(t, t.TempDir(), Config{}, cloud)
	for i := range 10 {
		add(t, s, cloud, statusOf(fmt.Sprint(i%3), upstream.Transition, i))
	}
	entries, err := s.Next(cloud, 2, func(d dfu.Device) bool { return d.Name == "0" })
	if err != nil || len(entries) != 2 || entries[0].Event.Status.Offset != 1 || entries[1].Event.Status.Offset != 2 {
		t.Errorf("%v %v", entries, err)
	}
}

func TestSettle(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Config{}, cloud)
	add(t, s, cloud, statusOf("a", upstream.Transition, 0), statusOf("b", upstream.Transition, 0), statusOf("a", upstream.Progress, 1))
	all := held(t, s, cloud)
	add(t, s, cloud, statusOf("a", upstream.Progress, 2)) // supersedes one that is under way
	refused := []upstream.Refusal{{Entry: all[1], Reason: "no such device"}}
	for range 2 { // what is gone already does no harm
		if err := s.Settle(cloud, []upstream.Entry{all[0], all[2]}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Settle(cloud, nil, refused); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s, dir, Config{}, cloud)
	expect(t, s, cloud, "a progress 2")
	aside, err := s.Refused()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(refused, aside); diff != "" {
		t.Error(diff)
	}
	if st := s.Stats(); st.Events != 1 || st.SetAside != 1 {
		t.Errorf("%+v", st)
	}
}

func TestWhatIsSetAsideIsBounded(t *testing.T) {
	s := open(t, t.TempDir(), Config{Size: minSize}, cloud)
	for i := range 50 {
		add(t, s, cloud, telemetry(fmt.Sprint(i), make([]byte, 5000)))
		if err := s.Settle(cloud, nil, []upstream.Refusal{{Entry: held(t, s, cloud)[0], Reason: "no"}}); err != nil {
			t.Fatal(err)
		}
	}
	aside, err := s.Refused()
	if err != nil || len(aside) != 12 || aside[11].Entry.Event.Device.Name != "49" {
		t.Errorf("%d set aside, %v", len(aside), err)
	}
}

func TestFresh(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Config{}, cloud)
	expectFresh := func(want bool) {
		t.Helper()
		if s.Fresh() != want {
			t.Errorf("fresh: %v", s.Fresh())
		}
	}
	expectFresh(true)
	add(t, s, cloud, telemetry("a", nil))
	s = reopen(t, s, dir, Config{}, cloud)
	expectFresh(true)
	add(t, s, cloud, statusOf("a", upstream.Progress, 0))
	expectFresh(false)
	s = reopen(t, s, dir, Config{}, cloud, registry) // a new upstream knows nothing yet
	expectFresh(true)
	add(t, s, cloud, statusOf("a", upstream.Transition, 0))
	s = reopen(t, s, dir, Config{}, cloud, registry)
	expectFresh(false)
	s = reopen(t, s, dir, Config{}, registry) // one that is gone leaves nothing
	if n := s.Stats().Events; n != 0 {
		t.Errorf("%d events", n)
	}
	s = reopen(t, s, dir, Config{}, cloud, registry)
	expectFresh(true)
}

// A disk that takes no more costs the call and nothing else.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Config{}, cloud)
	add(t, s, cloud, statusOf("a", upstream.Transition, 0))
	s.db.MaxSize = 1 << 17
	for i := 0; ; i++ {
		err := s.Append([]upstream.Entry{{Line: cloud, Event: telemetry("a", make([]byte, 4000))}})
		if err != nil && !errors.Is(err, bolterrors.ErrMaxSizeReached) {
			t.Fatal(err)
		}
		if err != nil {
			break
		}
	}
	before := s.Stats()
	if n := len(held(t, s, cloud)); n != before.Events {
		t.Errorf("%d events, counted %d", n, before.Events)
	}
	s.db.MaxSize = 0
	add(t, s, cloud, statusOf("a", upstream.Transition, 1))
	s = reopen(t, s, dir, Config{}, cloud)
	if after := s.Stats(); after.Events != before.Events+1 {
		t.Errorf("%d events, want one more than %d", after.Events, before.Events)
	}
}

func TestDamagedRecordIsRemoved(t *testing.T) {
	s := open(t, t.TempDir(), Config{}, cloud)
	add(t, s, cloud, statusOf("a", upstream.Transition, 0), statusOf("a", upstream.Transition, 1), statusOf("b", upstream.Transition, 2))
	first := held(t, s, cloud)[0].ID
	err := s.db.Update(func(tx *bbolt.Tx) error {
		if err := queue(tx, cloud).Put([]byte("short"), []byte("no record")); err != nil {
			return err
		}
		return queue(tx, cloud).Put(idKey(first), []byte("no record"))
	})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, s, cloud, "a transition 1", "b transition 2")
	expect(t, s, cloud, "a transition 1", "b transition 2")
	if n := s.Stats().Damaged; n != 2 {
		t.Errorf("%d damaged", n)
	}
}

func TestConfig(t *testing.T) {
	for size, want := range map[int64]string{0: "want at least", -1: "want at least", 1 << 19: "want at least", 1 << 20: ""} {
		err := Config{Size: firmware.Size(size)}.Validate().Err()
		if (err == nil) != (want == "") || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("size %d: %v", size, err)
		}
	}
}

func expectOwed(t *testing.T, s *Spool, want ...string) {
	t.Helper()
	devices, err := s.Owed()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range devices {
		names = append(names, d.Name)
	}
	slices.Sort(names)
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

// TestOwed: a device is owed a status from when its newest was set aside until
// a newer one is stored.
func TestOwed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Config{}, cloud, registry)
	refuse := func(line string, i int) {
		t.Helper()
		if err := s.Settle(line, nil, []upstream.Refusal{{Entry: held(t, s, line)[i], Reason: "no"}}); err != nil {
			t.Fatal(err)
		}
	}
	add(t, s, cloud, statusOf("a", upstream.Transition, 0), statusOf("a", upstream.Transition, 1))
	add(t, s, cloud, statusOf("b", upstream.Progress, 0), telemetry("c", nil))
	add(t, s, registry, statusOf("b", upstream.Transition, 0))
	expectOwed(t, s)
	refuse(cloud, 0)
	refuse(cloud, 2)
	expectOwed(t, s) // a newer one waits; telemetry is no status
	refuse(cloud, 0)
	refuse(cloud, 0)
	s = reopen(t, s, dir, Config{}, cloud, registry)
	expectOwed(t, s, "a", "b")
	refuse(registry, 0)
	add(t, s, cloud, statusOf("b", upstream.Transition, 2))
	expectOwed(t, s, "a", "b") // on another line
	add(t, s, cloud, statusOf("a", upstream.Progress, 2))
	add(t, s, registry, statusOf("b", upstream.Transition, 2))
	expectOwed(t, s)
	if err := s.Settle(cloud, held(t, s, cloud), nil); err != nil {
		t.Fatal(err)
	}
	expectOwed(t, s)
}
