package update_test

import (
	"testing"
	"testing/synctest"
	"time"

	"havn/dfu"
	"havn/status"
)

func TestRollbackIsNotRepeated(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ask("d", running("v1"))
		w.expect(w.ask("d", at("v1", "v2", 2050)), dfu.OpSwap, "v2", 0)
		late := w.ask("d", running("v1")) // a datagram that was on its way
		if late.Op != dfu.OpWait || late.Poll != 5 {
			t.Fatalf("got %v poll %d", late.Op, late.Poll)
		}
		w.expectState("d", status.Updating)
		w.tick(time.Minute)
		if cmd := w.ask("d", running("v1")); cmd.Op != dfu.OpWait || cmd.Poll != 300 {
			t.Fatalf("got %v poll %d", cmd.Op, cmd.Poll)
		}
		w.expectState("d", status.Failed)
		w.restart()
		if cmd := w.ask("d", running("v1")); cmd.Op != dfu.OpWait {
			t.Fatalf("sent again after a restart: %v", cmd.Op)
		}
		w.expectState("d", status.Failed)

		if err := w.RetryDevice(dfu.Device{Application: "app", Name: "d"}); err != nil {
			t.Fatal(err)
		}
		w.expect(w.ask("d", running("v1")), dfu.OpWrite, "v2", 0)
	})
}

func TestRollbackIsOverWhenTheTargetMoves(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ask("d", running("v1"))
		w.ask("d", at("v1", "v2", 2050))
		w.tick(time.Minute)
		w.ask("d", running("v1"))
		w.expectState("d", status.Failed)
		w.publish("fw", "v3", 100)
		w.refresh()
		w.expect(w.ask("d", running("v1")), dfu.OpWrite, "v3", 0)
	})
}

func TestLateRollbackAfterSync(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ask("d", running("v1"))
		w.ask("d", at("v1", "v2", 2050))
		w.expect(w.ask("d", running("v2")), dfu.OpSync, "v2", 0)
		w.tick(time.Hour)
		w.ask("d", running("v1"))
		w.expectState("d", status.Failed)
	})
}

func TestLearnsTheNameOfTheFirmware(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ask("d", running("v1"))
		w.ask("d", at("v1", "v2", 2050))
		w.tick(time.Minute)
		w.ask("d", running("2.0.0-g1a2b"))
		w.expect(w.ask("d", running("2.0.0-g1a2b")), dfu.OpSync, "2.0.0-g1a2b", 0)
		w.expectState("d", status.InSync)
		w.restart()
		w.expect(w.ask("another", running("2.0.0-g1a2b")), dfu.OpSync, "2.0.0-g1a2b", 0)
	})
}

// A name that is learned while its image is on the way into memory is not lost
// when the image is offered.
func TestNameLearnedWhileLoading(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ask("d", running("v1"))
		w.ask("d", at("v1", "v2", 2050))
		w.tick(time.Minute)
		w.src.setAway(true)
		w.stop()
		loaded := make(chan struct{})
		w.images.loading = func() { <-loaded }
		w.start()
		w.ask("d", running("2.0.0-g1a2b"))
		close(loaded)
		synctest.Wait()
		w.expect(w.ask("another", running("2.0.0-g1a2b")), dfu.OpSync, "2.0.0-g1a2b", 0)
	})
}

func TestOtherFirmwareIsNoName(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.publish("fw", "v3", 100)
		w.refresh() // v2 stays in the ledger
		w.ask("d", running("v1"))
		w.expect(w.ask("d", at("v1", "v3", 100)), dfu.OpSwap, "v3", 0)
		w.tick(time.Minute)
		w.ask("d", running("v2"))
		w.expectState("d", status.Failed)
		w.expect(w.ask("e", running("v2")), dfu.OpWrite, "v3", 0)
	})
}
