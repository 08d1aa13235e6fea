package update_test

import (
	"strings"
	"testing"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/status"
	"havn/update/desired"
)

// order makes all devices run version, of n bytes, as the source assigned it.
func (w *world) order(order, version string, n int) {
	m := w.publish("hawkbit:c", version, n)
	m.Order = order
	w.src.put("hawkbit:c", m, w.src.data[m.Digest])
	w.desired.SetRules([]desired.Rule{{Application: "app", Spec: controller("c")}})
	w.refresh()
	w.refresh() // rows notice what the first one found
}

// A new order for the same image is a retry.
func TestNewOrderAfterARollback(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
		w.order("1", "v5", 2000)
		for _, order := range []string{"2", "3"} {
			w.expect(w.ask("d", running("v1")), dfu.OpWrite, "v5", 0)
			w.expect(w.ask("d", at("v1", "v5", 2000)), dfu.OpSwap, "v5", 0)
			w.tick(time.Minute)
			w.expectWait(w.ask("d", running("v1")), w.cfg.Poll)
			w.expectState("d", status.Failed)
			w.src.setAway(true)
			w.restart()
			w.desired.SetRules([]desired.Rule{{Application: "app", Spec: controller("c")}})
			w.refresh()
			w.expectWait(w.ask("d", running("v1")), w.cfg.Poll)
			w.src.setAway(false)
			w.order(order, "v5", 2000)
			if v := w.expectState("d", status.Waiting); v.Error != "" || v.Order != order {
				t.Errorf("order %q, error %q", v.Order, v.Error)
			}
		}
		if _, err := w.Image(w.rowOf("d"), 0, 1024, time.Now()); err != nil {
			t.Errorf("block-wise: %v", err)
		}
	})
}

func TestNewOrderForWhatRuns(t *testing.T) {
	inReportedWorld(t, func(t *testing.T, w *world, u *upstream) {
		w.order("1", "v5", 2000)
		w.ask("d", at("v1", "v5", 2000))
		w.ask("d", running("v5"))
		w.expectTaken(u, "d in-sync v5>v5 2000")
		w.order("2", "v5", 2000)
		w.expectTaken(u, "d in-sync v5>v5 2000")
		w.restart()
		w.order("2", "v5", 2000)
		w.expectTaken(u)
		w.expect(w.ask("d", running("v5")), dfu.OpSync, "v5", 0)
		w.tick(time.Hour)
		w.ask("d", running("v1"))
		w.expectState("d", status.Failed) // under the new order as under the old one
	})
}

// What a new order finds under way is carried out under it.
func TestNewOrderInFlight(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.order("1", "v5", 2000)
		w.ask("d", running("v1"))
		w.order("2", "v5", 2000)
		if v := w.expectState("d", status.Updating); v.Order != "2" {
			t.Errorf("order %q", v.Order)
		}
		w.expect(w.ask("d", at("v1", "v5", 2000)), dfu.OpSwap, "v5", 0)
		w.tick(time.Minute)
		w.ask("d", running("v1"))
		w.expectState("d", status.Failed)
	})
}

// An update in flight is reported as its own image, not as the target.
func TestViewOfAnUpdateInFlight(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.order("1", "v5", 2000)
		w.ask("d", running("v1"))
		first := w.view("d").Digest
		w.order("2", "v6", 3000)
		w.ask("d", at("v1", "v5", 1024))
		if v := w.expectState("d", status.Updating); v.Order != "1" || v.Digest != first {
			t.Errorf("order %q digest %v", v.Order, v.Digest)
		}
		w.ask("stranger", at("v1", "v5", 1024)) // known by its version alone
		if v := w.expectState("stranger", status.Updating); v.Order != "" || v.Digest != first {
			t.Errorf("order %q digest %v", v.Order, v.Digest)
		}
		w.ask("d", at("v5", "v6", 1024))
		w.order("3", "v5", 2000)
		if v := w.expectState("d", status.InSync); v.Order != "3" || v.Digest != first {
			t.Errorf("order %q digest %v", v.Order, v.Digest)
		}
	})
}

// TestControllerOfEachDevice: one rule or assignment stands for a target of each
// device, and for none while there is no device.
func TestControllerOfEachDevice(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.publish("hawkbit:plant-d", "v5", 2000)
		w.publish("hawkbit:d", "v6", 1000)
		w.desired.SetRules([]desired.Rule{{Spec: controller("plant-{device}")}})
		w.refresh()
		w.ask("d", running("v1"))
		w.expect(w.ask("d", running("v1")), dfu.OpWrite, "v5", 0)
		all := dfu.Device{Application: "app", Name: "*"}
		if err := w.Assign(t.Context(), all, controller("{device}")); err != nil {
			t.Fatal(err)
		}
		w.tick(2 * w.cfg.Refresh)
		w.expect(w.ask("d", running("v1")), dfu.OpWrite, "v6", 0)
		for _, name := range w.src.asked() {
			if strings.Contains(name, firmware.DeviceName) {
				t.Errorf("the source was asked for %s", name)
			}
		}
	})
}
