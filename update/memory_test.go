package update_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"havn/dfu"
	"havn/status"
)

// rowBudget is what a row may cost, in bytes of heap: its place in the table, its
// names and what it was told included.
const rowBudget = 700

// A fleet in the middle of an update, of which an upstream is told: 50 000 rows
// fit a small box.
func TestRowCostsLittle(t *testing.T) {
	const devices = 50_000
	inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
		w.cfg.MaxDevices = devices
		w.disk.deaf.Store(true)
		w.stop()
		w.start()
		w.fleet(1, running("v1"))
		w.tick(5 * time.Second)
		before := heap()
		w.fleet(devices, running("v1"))
		w.tick(5 * time.Second)
		w.fleet(devices, at("v1", "v2", 1000))
		w.tick(time.Minute)
		w.expectState("device-49999", status.Updating)
		u.take()
		if perRow := (heap() - before) / devices; perRow > rowBudget {
			t.Errorf("a row takes %d bytes of heap, %d at most", perRow, rowBudget)
		} else {
			t.Logf("a row takes %d bytes of heap", perRow)
		}
		runtime.KeepAlive(w)
	})
}

// fleet has n devices report the same.
func (w *world) fleet(n int, st dfu.Status) {
	now := time.Now()
	for i := range n {
		row := w.Lookup("coap", []byte("app"), fmt.Appendf(nil, "device-%05d", i), now)
		w.Request(row, &st, limits, now)
	}
}

// heap returns the bytes of the objects in use.
func heap() int {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// The end of a transfer allocates nothing either, nor does the beginning of another.
func TestEndDoesNotAllocate(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
		w.ask("d", running("v1"))
		app, name, st, now := []byte("app"), []byte("d"), at("v1", "v2", 2000), time.Now()
		n := testing.AllocsPerRun(1000, func() {
			w.Request(w.Lookup("coap", app, name, now), &st, limits, now)
		})
		if n != 0 {
			t.Errorf("swap: %v allocations", n)
		}
		img := w.get("b", 0, 1024)
		n = testing.AllocsPerRun(1000, func() {
			row := w.Lookup("coap", app, []byte("b"), now)
			for _, offset := range []uint32{0, 1024} {
				if _, err := w.Image(row, offset, 1024, now); err != nil {
					t.Fatal(err)
				}
				w.Served(row, img, min(offset+1024, img.Size()), now)
			}
		})
		if n != 0 {
			t.Errorf("blocks: %v allocations", n)
		}
	})
}

// A version of any length is compared without an allocation.
func TestLongVersionsDoNotAllocate(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
		long := strings.Repeat("v", 60)
		w.ask("d", running(long))
		app, name, st, now := []byte("app"), []byte("d"), at(long, "v2", 1000), time.Now()
		n := testing.AllocsPerRun(1000, func() {
			w.Request(w.Lookup("coap", app, name, now), &st, limits, now)
		})
		if n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
