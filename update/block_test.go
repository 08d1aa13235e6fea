package update_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"havn/firmware"
	"havn/status"
	"havn/update"
	"havn/update/desired"
	"havn/update/row"
)

func (w *world) rowOf(device string) *row.Row {
	return w.Lookup("coap", []byte("app"), []byte(device), time.Now())
}

// get fetches one block and returns its image.
func (w *world) get(device string, offset, end uint32) *firmware.Image {
	w.t.Helper()
	row := w.rowOf(device)
	img, err := w.Image(row, offset, 1024, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	w.Served(row, img, min(end, img.Size()), time.Now())
	return img
}

func (w *world) report(device, version string) {
	w.Report(w.rowOf(device), []byte(version), time.Now())
	synctest.Wait()
}

func TestBlockTransfer(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.report("d", "v1")
		w.expectState("d", status.Waiting)
		w.get("d", 0, 1024)
		if v := w.expectState("d", status.Updating); v.Offset != 1024 || v.Size != 2050 {
			t.Errorf("offset %d of %d", v.Offset, v.Size)
		}
		w.get("d", 1024, 2050)
		w.report("d", "v2")
		w.expectState("d", status.InSync)
	})
}

func TestBlockTransferIsNotSwitched(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		first := w.get("d", 0, 1024)
		w.publish("fw", "v3", 4000)
		w.refresh()
		if next := w.get("d", 1024, 2048); next.Digest != first.Digest {
			t.Error("the image changed in the middle of a transfer")
		}
		if next := w.get("d", 0, 1024); next.Digest == first.Digest {
			t.Error("block 0 did not select the new target")
		}
	})
}

// A crash may lose up to a flush: the stored row is then of the transfer before.
func TestBlockTransferAfterACrash(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		old := w.get("d", 0, 1024)
		w.get("d", 1024, 2050)
		w.get("e", 0, 1024)
		w.tick(2 * time.Second)
		w.publish("fw", "v3", 4000)
		w.refresh()
		w.restart()
		if img := w.get("e", 1024, 2048); img.Digest != old.Digest {
			t.Error("a transfer that goes on got another image")
		}
		if img := w.get("d", 500, 1000); img.Digest == old.Digest {
			t.Error("a device that went back got the image before")
		}
	})
}

// A transfer that began just before a crash is not known at all. It goes on with
// what was offered then, even if the tag moves as soon as the gateway is back.
func TestUnknownBlockTransferAfterACrash(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		old := w.get("d", 0, 1024)
		if err := w.Forget(w.view("d").Device); err != nil { // as if it was never stored
			t.Fatal(err)
		}
		w.restart()
		w.publish("fw", "v3", 4000)
		w.refresh()
		if img := w.get("d", 1024, 2048); img.Digest != old.Digest {
			t.Error("the transfer goes on with another image")
		}
		if img := w.get("d", 0, 1024); img.Digest == old.Digest {
			t.Error("a new transfer is of the old image")
		}
		w.tick(time.Hour)
		if img := w.get("e", 1024, 2048); img.Digest == old.Digest {
			t.Error("a transfer that cannot be of an earlier process got the old image")
		}
	})
}

func TestBlockRollback(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.report("d", "v1")
		w.get("d", 0, 2050)
		w.report("d", "v1") // before it rebooted
		w.expectState("d", status.Updating)
		w.tick(time.Minute)
		w.report("d", "v1")
		w.expectState("d", status.Failed)
		if _, err := w.Image(w.rowOf("d"), 0, 1024, time.Now()); !errors.Is(err, update.ErrNotBooted) {
			t.Errorf("served again: %v", err)
		}
		w.report("d", "v2") // it had only waited with the reboot
		w.expectState("d", status.InSync)
	})
}

// A device that never says what it runs may fetch as often as it likes.
func TestAnonymousBlockTransfer(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for range 3 {
			w.get("d", 0, 2050)
			w.tick(time.Minute)
		}
	})
}

func TestBlockMiss(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.images.evict()
		if _, err := w.Image(w.rowOf("d"), 0, 1024, time.Now()); !errors.Is(err, firmware.ErrPending) {
			t.Fatalf("got %v", err)
		}
		synctest.Wait()
		w.get("d", 0, 1024)
	})
}

func TestNoImage(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		other := w.Lookup("coap", []byte("other"), []byte("d"), time.Now())
		if _, err := w.Image(other, 0, 1024, time.Now()); !errors.Is(err, firmware.ErrNotFound) {
			t.Errorf("nothing desired: %v", err)
		}
		w.desired.SetRules([]desired.Rule{{Application: "app", Spec: container("missing")}})
		w.refresh()
		_, err := w.Image(w.rowOf("d"), 0, 1024, time.Now())
		if !errors.Is(err, firmware.ErrPending) || !strings.Contains(err.Error(), "missing") {
			t.Errorf("not resolvable: %v", err)
		}
	})
}

func TestBlob(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		prefix := w.digest("v2")[:8]
		if _, err := w.Blob(prefix, time.Now()); err != nil {
			t.Error(err)
		}
		w.images.evict()
		w.rowOf("d") // assigns
		if _, err := w.Blob(prefix, time.Now()); !errors.Is(err, firmware.ErrPending) {
			t.Errorf("not in memory: %v", err)
		}
		synctest.Wait()
		if _, err := w.Blob(prefix, time.Now()); err != nil {
			t.Error(err)
		}
		if _, err := w.Blob(make([]byte, 8), time.Now()); !errors.Is(err, firmware.ErrNotFound) {
			t.Errorf("unknown digest: %v", err)
		}
	})
}

// While an image cannot be loaded, its row says why, not that it is on its way.
func TestRowSaysWhyAnImageIsNotLoaded(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.get("d", 0, 1024)
		w.images.evict()
		w.src.setAway(true)
		wantPending := func() {
			if _, err := w.Image(w.rowOf("d"), 1024, 1024, time.Now()); !errors.Is(err, firmware.ErrPending) {
				t.Fatalf("got %v", err)
			}
			synctest.Wait()
		}
		wantPending()
		if v := w.view("d"); v.Error != errAway.Error() {
			t.Errorf("the row says %q", v.Error)
		}
		w.src.setAway(false)
		wantPending() // and loads it
		w.images.evict()
		wantPending()
		if v := w.view("d"); v.Error == errAway.Error() {
			t.Errorf("the row still says %q", v.Error)
		}
	})
}

// The target may move while the first block is on its way out.
func TestTargetMovesBetweenImageAndServed(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		row := w.rowOf("d")
		first, err := w.Image(row, 0, 1024, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		w.publish("fw", "v3", 4000)
		w.refresh()
		w.Served(row, first, 1024, time.Now())
		if next := w.get("d", 1024, 2048); next.Digest != first.Digest {
			t.Error("the second block is of another image than the first")
		}
	})
}
