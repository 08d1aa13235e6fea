package update_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/status"
	"havn/update"
	"havn/update/row"
)

// stored returns the row of a device as a power cut would leave it.
func (w *world) stored(device string) (found row.Record) {
	w.t.Helper()
	if err := w.store.LoadRows(func(rec row.Record) {
		if rec.Device.Name == device {
			found = rec
		}
	}); err != nil {
		w.t.Fatal(err)
	}
	return found
}

// A fleet that only asks and a device that only goes on cost a write in a
// minute; what a crash must not lose is written within a second.
func TestFlashIsSpared(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ask("idle", running("v2"))
		w.ask("busy", running("v1"))
		w.tick(2 * time.Second)
		before := w.disk.writes.Load()
		for i := range 100 {
			w.ask("idle", running("v2"))
			w.ask("busy", at("v1", "v2", uint32(4*i)))
			w.tick(6 * time.Second)
		}
		if n := w.disk.writes.Load() - before; n < 9 || n > 11 {
			t.Errorf("%d writes in ten minutes", n)
		}
		if age := time.Since(time.Unix(0, w.stored("idle").Seen)); age > 70*time.Second {
			t.Errorf("last seen %v ago on disk", age)
		}
		before = w.disk.writes.Load()
		w.ask("busy", at("v1", "v2", 2050))
		w.tick(time.Second)
		if rec := w.stored("busy"); w.disk.writes.Load() == before || rec.Sent.From != "v1" {
			t.Errorf("a second after the swap, on disk is %+v", rec)
		}
		w.ask("idle", running("v2"))
		seen := w.view("idle").LastSeen
		w.restart()
		if got := w.view("idle").LastSeen; !got.Equal(seen) {
			t.Errorf("last seen %v after the restart, %v before", got, seen)
		}
	})
}

// The offset of a block-wise transfer tells which image a later block is of:
// it is on disk within a second.
func TestOffsetOfBlocksIsStored(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.get("d", 0, 1024)
		w.tick(2 * time.Second)
		w.get("d", 1024, 1536)
		w.tick(time.Second)
		if rec := w.stored("d"); rec.Offset != 1536 {
			t.Errorf("on disk is offset %d", rec.Offset)
		}
	})
}

// A disk that is full for a while costs nothing but that time, also of what was
// about to be forgotten.
func TestFullDisk(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ask("d", running("v1"))
		w.ask("gone", at("v1", "v2", 1024))
		w.tick(2 * time.Second)
		w.disk.full.Store(true)
		w.ask("d", at("v1", "v2", 2050))
		if err := w.Forget(dfu.Device{Application: "app", Name: "gone"}); err != nil {
			t.Fatal(err)
		}
		w.tick(5 * time.Second)
		if rec := w.stored("d"); w.Rows().Stats().FlushFailures.Load() == 0 || rec.Sent.From != "" {
			t.Fatalf("the disk was not full: %+v", rec)
		}
		w.disk.full.Store(false)
		w.tick(2 * time.Second)
		if rec := w.stored("d"); rec.Sent.From != "v1" {
			t.Errorf("on disk is %+v", rec)
		}
		if rec := w.stored("gone"); rec.Device.Name != "" {
			t.Errorf("still on disk: %+v", rec)
		}
	})
}

// Before a newer target is stored, each block-wise transfer of the older one is:
// the next process takes those that it does not know for transfers of the newest.
func TestTransfersAreStoredBeforeTheTargetMoves(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.get("first", 0, 256)
		w.tick(0) // flushed, and not again for a while
		w.get("d", 0, 256)
		moved := false
		w.disk.resolving = func(m firmware.Metadata) {
			if m.Version != "v3" {
				return
			}
			moved = true
			if rec := w.stored("d"); rec.InFlight == nil || rec.InFlight.Version != "v2" || rec.Offset != 256 {
				t.Errorf("on disk is %+v", rec)
			}
			if _, err := w.Image(w.rowOf("late"), 0, 1024, time.Now()); !errors.Is(err, firmware.ErrPending) {
				t.Errorf("a transfer began meanwhile: %v", err)
			}
			if img := w.get("d", 256, 512); img.Size() != 2050 {
				t.Errorf("the transfer goes on with an image of %d bytes", img.Size())
			}
		}
		w.publish("fw", "v3", 3000)
		w.refresh()
		if img := w.get("late", 0, 256); !moved || img.Size() != 3000 {
			t.Errorf("moved: %v, an image of %d bytes", moved, img.Size())
		}
	})
}

// A fleet is stored in steps of a bounded size, in the order of the store, which
// writes each page once then. What is urgent does not wait for the end of that.
func TestFleetIsStoredInSteps(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		const devices = 1000
		var steps []int
		var names []string
		w.disk.deaf.Store(true)
		w.disk.saving = func(save []row.Record) {
			steps = append(steps, len(save))
			for i := range save {
				names = append(names, save[i].Device.Name)
			}
			if len(steps) == 1 {
				w.get("urgent", 2048, 2050)
			}
		}
		for _, i := range rand.Perm(devices) {
			w.Request(w.rowOf(fmt.Sprintf("device-%04d", i)), &dfu.Status{Version: []byte("v1")}, limits, time.Now())
		}
		w.tick(time.Second)
		w.tick(time.Second)
		last := slices.Index(names, "urgent")
		if last < 0 || last > 600 {
			t.Errorf("the row that is urgent was stored after %d others", last)
		}
		names = slices.DeleteFunc(names, func(name string) bool { return name == "urgent" })
		if len(names) != devices || !slices.IsSorted(names) {
			t.Errorf("%d rows were stored, sorted: %v", len(names), slices.IsSorted(names))
		}
		if largest := slices.Max(steps); largest > 256 {
			t.Errorf("a step of %d rows", largest)
		}
	}, func(c *update.Config) { c.MaxDevices = 2000 })
}

// Names that nothing is desired for cost nothing on disk, however many come and go.
func TestInventedNamesAreNotWritten(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.tick(2 * time.Minute)
		before := w.disk.writes.Load()
		for i := range 500 {
			st := running("v1")
			row := w.Lookup("coap", []byte("nobody's"), fmt.Append(nil, i), time.Now())
			w.Request(row, &st, limits, time.Now())
		}
		w.tick(2 * time.Minute)
		if n := w.disk.writes.Load() - before; n != 0 || w.Engine.Count()[status.Unknown] != 10 {
			t.Errorf("%d writes for %v", n, w.Engine.Count())
		}
	}, func(c *update.Config) { c.MaxDevices = 10 })
}
