package hawkbit

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"havn/firmware"
	"havn/status"
	"havn/upstream/hawkbit/hawkbittest"
)

// TestEntriesOfASlowUpdate plays 1 MiB at 51 bytes per chunk, every chunk
// reported, with a poll when one is due.
func TestEntriesOfASlowUpdate(t *testing.T) {
	for name, every := range map[string]time.Duration{"fast": time.Millisecond, "slow": 4 * time.Second} {
		for _, window := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, hawkbittest.Config{Quota: 100})
				id := w.server.Assign(hawkbittest.Assignment{Controller: "dev1", Window: window,
					Modules: hawkbittest.Firmware("2", "fw.bin", image(1<<20))})
				w.server.SetWindow(id, true)
				m := w.mustResolve()
				if err := w.download(m); err != nil {
					t.Fatal(err)
				}
				p := status.Status{State: status.Updating, Digest: m.Digest, Current: "1"}
				for p.Offset = 0; p.Offset <= m.Size; p.Offset += 51 {
					w.mustReport(p)
					if time.Sleep(every); p.Offset%(51*100) == 0 {
						w.mustResolve()
					}
				}
				p.Offset = m.Size
				w.mustReport(p)
				w.mustReport(status.Status{State: status.InSync, Digest: m.Digest, Current: "2"})
				a := w.server.Action(id)
				t.Logf("%s, window %v: %d entries", name, window, len(a.Entries))
				if a.Status != hawkbittest.Finished || len(a.Entries) >= 100 {
					t.Errorf("%s: %s after %d entries", name, a.Status, len(a.Entries))
				}
				if every > time.Second && w.count(id, hawkbittest.Running) < 20 {
					t.Errorf("%s: only %d entries of progress", name, w.count(id, hawkbittest.Running))
				}
			})
		}
	}
}

func TestSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{CheckID: true})
		id := w.assign("2", image(100))
		m := w.mustResolve()
		w.mustReport(status.Status{State: status.Updating, Digest: m.Digest, Current: "1", Offset: 100})
		w.mustReport(status.Status{State: status.InSync, Digest: m.Digest, Current: "2"})
		a := w.server.Action(id)
		if a.Status != hawkbittest.Finished || a.Active {
			t.Errorf("%+v", a)
		}
		if again := w.mustResolve(); again.Digest != m.Digest {
			t.Errorf("after the action ended: %+v", again)
		}
		if got := w.server.Attributes("dev1")["version"]; got != "2" {
			t.Errorf("attribute version %q", got)
		}
		entries := w.count(id, "")
		w.mustReport(status.Status{State: status.InSync, Digest: m.Digest, Current: "2"})
		if w.count(id, "") != entries {
			t.Error("reported twice")
		}
	})
}

func TestFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		id := w.assign("2", image(100))
		m := w.mustResolve()
		w.mustReport(status.Status{State: status.Failed, Digest: m.Digest, Current: "1", Error: "it rolled back"})
		a := w.server.Action(id)
		last := a.Entries[len(a.Entries)-1]
		if a.Status != hawkbittest.Error || last.Messages[0] != "it rolled back" {
			t.Errorf("%+v", a)
		}
		if again := w.mustResolve(); again.Digest != m.Digest {
			t.Errorf("after the action failed: %+v", again)
		}
		if next := w.assign("3", image(200)); next == id || w.resolvedAfterSleep() != "3" {
			t.Error("the next action is not served")
		}
	})
}

func (w *world) resolvedAfterSleep() string {
	time.Sleep(5 * time.Minute)
	return w.mustResolve().Version
}

func TestOtherImagesAreNotReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		id := w.assign("2", image(100))
		w.mustResolve()
		entries := w.count(id, "")
		for _, state := range []status.State{status.InSync, status.Failed, status.Updating, status.Waiting} {
			w.mustReport(status.Status{State: state, Digest: firmware.Digest{1}, Current: "2", Error: "x"})
		}
		if w.count(id, "") != entries || !w.server.Action(id).Active {
			t.Errorf("%+v", w.server.Action(id))
		}
	})
}

// Every state says what it should to the server, unknown nothing.
func TestEveryState(t *testing.T) {
	said := map[status.State]string{
		status.InSync: hawkbittest.Finished, status.Failed: hawkbittest.Error,
		status.Updating: hawkbittest.Running, status.Waiting: hawkbittest.Running, status.Unknown: "",
	}
	for _, state := range status.States {
		want, known := said[state]
		if !known {
			t.Fatalf("%s: decide what hawkBit is told", state)
		}
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, hawkbittest.Config{})
			id := w.assign("2", image(100))
			m := w.mustResolve()
			before := w.count(id, "")
			w.mustReport(status.Status{State: state, Digest: m.Digest, Current: "1", Offset: 50, Error: "why"})
			entries := w.server.Action(id).Entries[before:]
			got := ""
			for _, e := range entries {
				got += e.Status
			}
			if got != want {
				t.Errorf("%s: the server was told %q, want %q", state, got, want)
			}
		})
	}
}

func TestReasonsAreSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		id := w.assign("2", image(100))
		m := w.mustResolve()
		for range 5 {
			time.Sleep(time.Minute)
			w.mustReport(status.Status{State: status.Waiting, Digest: m.Digest, Error: strings.Repeat("long ", 200)})
		}
		if n := w.count(id, hawkbittest.Running); n != 2 { // the server's own is the first
			t.Errorf("%d entries", n)
		}
		a := w.server.Action(id)
		if n := len(a.Entries[len(a.Entries)-1].Messages); n != 1 {
			t.Errorf("%d messages: too long for one", n)
		}
	})
}

// TestFlappingReasons requires that an action is never filled by what is no
// outcome.
func TestFlappingReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		id := w.assign("2", image(100))
		m := w.mustResolve()
		for i := range 500 {
			time.Sleep(time.Minute)
			w.mustReport(status.Status{State: status.Waiting, Digest: m.Digest, Error: strings.Repeat("x", 1+i%2)})
		}
		w.mustReport(status.Status{State: status.InSync, Digest: m.Digest, Current: "2"})
		if a := w.server.Action(id); len(a.Entries) > 100 || a.Status != hawkbittest.Finished {
			t.Errorf("%s after %d entries", a.Status, len(a.Entries))
		}
	})
}

// TestFullAction requires that an action with all its entries is still
// downloaded and ended.
func TestFullAction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{Quota: 2})
		id := w.assign("2", image(100))
		m := w.mustResolve()
		if err := w.download(m); err != nil {
			t.Error(err)
		}
		for offset := range uint32(101) {
			w.mustReport(status.Status{State: status.Updating, Digest: m.Digest, Offset: offset})
			time.Sleep(time.Minute)
		}
		if n := w.asked("POST "); n > 2 {
			t.Errorf("%d tries to fill it further", n)
		}
		w.mustReport(status.Status{State: status.InSync, Digest: m.Digest, Current: "2"})
		if a := w.server.Action(id); a.Status != hawkbittest.Finished {
			t.Errorf("%+v", a)
		}
	})
}

func TestProgressIsDueAgainAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		id := w.assign("2", image(100))
		m := w.mustResolve()
		w.server.Inject(hawkbittest.Fault{Times: 1, Status: 503})
		p := status.Status{State: status.Updating, Digest: m.Digest, Offset: 50}
		if err := w.report(p); err == nil {
			t.Error("no error")
		}
		time.Sleep(minInterval)
		w.mustReport(p)
		if n := w.count(id, hawkbittest.Running); n != 2 {
			t.Errorf("%d entries", n)
		}
	})
}

// TestConcurrentCalls requires that calls for one controller wait for each
// other, though not longer than they may, and that MaySwap does not wait.
func TestConcurrentCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		w.assign("2", image(100))
		m := w.mustResolve()
		time.Sleep(5 * time.Minute)
		w.server.Inject(hawkbittest.Fault{Hang: true, Times: 1})
		var calls sync.WaitGroup
		calls.Go(func() {
			if _, err := w.resolve("dev1"); err == nil {
				t.Error("no error from a server that hangs")
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err := w.Report(ctx, "dev1", status.Status{State: status.Updating, Digest: m.Digest, Offset: 10})
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "dev1") {
			t.Error(err)
		}
		start := time.Now()
		for range 4 {
			calls.Go(func() {
				if err := w.report(status.Status{State: status.Updating, Digest: m.Digest, Offset: 100}); err != nil {
					t.Error(err)
				}
			})
		}
		if err := w.maySwap(m.Digest); err != nil || time.Since(start) != 0 {
			t.Error(err)
		}
		calls.Wait()
		if n := w.asked("POST "); n != 1 {
			t.Errorf("%d entries for one report, four times", n)
		}
	})
}

func TestDownloadOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		id := w.server.Assign(hawkbittest.Assignment{Controller: "dev1", Type: hawkbittest.DownloadOnly,
			Modules: hawkbittest.Firmware("2", "fw.bin", image(100))})
		m := w.mustResolve()
		w.mustReport(status.Status{State: status.Updating, Digest: m.Digest, Offset: 100})
		if a := w.server.Action(id); a.Status != hawkbittest.Downloaded || a.Active {
			t.Errorf("%+v", a)
		}
		w.mustResolve()
		if err := w.maySwap(m.Digest); !errors.Is(err, ErrDownloadOnly) {
			t.Errorf("after the download: %v", err)
		}
		w.assign("2", image(100))
		time.Sleep(5 * time.Minute)
		w.mustResolve()
		if err := w.maySwap(m.Digest); err != nil {
			t.Errorf("after the second action: %v", err)
		}
	})
}
