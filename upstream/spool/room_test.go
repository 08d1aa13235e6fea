package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"havn/upstream"
)

// counts returns how many events of each kind a line holds.
func counts(t *testing.T, s *Spool, line string) (n [len(upstream.Kinds)]int) {
	t.Helper()
	for _, e := range held(t, s, line) {
		n[e.Event.Kind]++
	}
	return n
}

// fillWith adds batches of events until some had to go.
func fillWith(t *testing.T, s *Spool, line string, event func(i int) upstream.Event) {
	t.Helper()
	before := s.Stats()
	for i := 0; s.Stats().Dropped == before.Dropped; {
		var batch []upstream.Event
		for range 100 {
			batch = append(batch, event(i))
			i++
		}
		add(t, s, line, batch...)
	}
}

func TestWhatGoesFirst(t *testing.T) {
	s := open(t, t.TempDir(), Config{Size: minSize}, cloud, registry)
	for i := range 200 {
		add(t, s, cloud, statusOf(fmt.Sprint("p", i), upstream.Progress, i))
		add(t, s, registry, telemetry(fmt.Sprint("t", i), make([]byte, 100)))
	}
	fillWith(t, s, cloud, func(i int) upstream.Event { return statusOf(fmt.Sprint(i), upstream.Transition, 0) })
	if n := counts(t, s, cloud); n[upstream.Progress] != 0 {
		t.Fatalf("%d progress left; the limit is too high for this test", n[upstream.Progress])
	}
	stats := s.Stats()
	if stats.Dropped[upstream.Progress] != 200 || stats.Dropped[upstream.Transition] != 0 {
		t.Errorf("dropped %v", stats.Dropped)
	}
	if first := held(t, s, registry); stats.Dropped[upstream.Telemetry] > 0 && first[0].Event.Device.Name == "t0" {
		t.Error("newer telemetry went before older")
	}
	fillWith(t, s, cloud, func(i int) upstream.Event { return statusOf(fmt.Sprint(i), upstream.Transition, 1) })
	for s.Stats().Dropped[upstream.Transition] == 0 {
		fillWith(t, s, cloud, func(i int) upstream.Event { return statusOf(fmt.Sprint(i), upstream.Transition, 2) })
	}
	if n := counts(t, s, registry); n[upstream.Telemetry] != 0 {
		t.Errorf("%d telemetry outlived transitions", n[upstream.Telemetry])
	}
	if st := s.Stats(); st.Bytes > int64(minSize) || st.Bytes < int64(minSize)*7/8 {
		t.Errorf("%d bytes held of %d", st.Bytes, minSize)
	}
}

// What is given up of transitions is first that which a newer one follows.
func TestFinalStatesStayLongest(t *testing.T) {
	s := open(t, t.TempDir(), Config{Size: minSize}, cloud)
	const devices = 500
	last := map[string]uint32{}
	for i := range 40 {
		var batch []upstream.Event
		for d := range devices {
			e := statusOf(fmt.Sprint(d), upstream.Transition, i*d)
			last[e.Device.Name] = e.Status.Offset
			batch = append(batch, e)
		}
		add(t, s, cloud, batch...)
	}
	if s.Stats().Dropped[upstream.Transition] == 0 {
		t.Fatal("nothing had to go")
	}
	got := map[string]uint32{}
	for _, e := range held(t, s, cloud) {
		got[e.Event.Device.Name] = e.Event.Status.Offset
	}
	for name, want := range last {
		if got[name] != want {
			t.Fatalf("device %s ends at %d, want %d", name, got[name], want)
		}
	}
}

// A progress that is given up leaves the transition before it the newest.
func TestTransitionBeforeGivenUpProgress(t *testing.T) {
	s := open(t, t.TempDir(), Config{Size: minSize}, cloud)
	add(t, s, cloud, statusOf("d", upstream.Transition, 1), statusOf("d", upstream.Progress, 2))
	for s.Stats().Dropped[upstream.Transition] == 0 {
		fillWith(t, s, cloud, func(i int) upstream.Event { return statusOf(fmt.Sprint(i%50), upstream.Transition, i) })
	}
	for _, e := range held(t, s, cloud) {
		if e.Event.Device.Name == "d" {
			return
		}
	}
	t.Error("the only status of a device went before superseded ones of others")
}

// The file stays near the limit, whatever comes and goes.
func TestFileIsBounded(t *testing.T) {
	dir := t.TempDir()
	const limit = minSize
	s := open(t, dir, Config{Size: limit}, cloud)
	for i := range 80 {
		var batch []upstream.Event
		for d := range 400 {
			kind := upstream.Progress
			if (i+d)%2 == 0 {
				kind = upstream.Transition
			}
			batch = append(batch, statusOf(fmt.Sprint(d), kind, i))
		}
		add(t, s, cloud, batch...)
		if i%10 == 9 && i < 50 {
			entries := held(t, s, cloud)
			if err := s.Settle(cloud, entries[:len(entries)/2], nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	info, err := os.Stat(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("file %d KiB, counted %d KiB of %d", info.Size()>>10, s.Stats().Bytes>>10, limit>>10)
	if info.Size() > int64(limit)*3/2 {
		t.Errorf("the file has %d bytes", info.Size())
	}
}

// TestOwedForWantOfRoom: whose newest status had to go is known.
func TestOwedForWantOfRoom(t *testing.T) {
	s := open(t, t.TempDir(), Config{Size: minSize}, cloud)
	for s.Stats().Dropped[upstream.Transition] == 0 {
		fillWith(t, s, cloud, func(i int) upstream.Event { return statusOf(fmt.Sprint(i), upstream.Transition, 0) })
	}
	devices, err := s.Owed()
	if err != nil || uint64(len(devices)) != s.Stats().Dropped[upstream.Transition] {
		t.Errorf("%d devices, %v; dropped %v", len(devices), err, s.Stats().Dropped)
	}
}
