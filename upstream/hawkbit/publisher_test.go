package hawkbit

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"havn/dfu"
	"havn/firmware"
	"havn/firmware/firmwaretest"
	"havn/status"
	"havn/upstream"
)

// reports is a Reporter that writes down what it is told.
type reports map[string]status.Status

func (r reports) Report(_ context.Context, controller string, s status.Status) error {
	r[controller] = s
	return nil
}

func TestPublisher(t *testing.T) {
	event := upstream.Event{
		Kind: upstream.Transition, Device: dfu.Device{Application: "app", Name: "a"},
		Status: status.Status{
			Current: "v1", State: status.Failed, Offset: 7, Error: "it rolled back",
			Digest: firmware.Digest{1}, Order: "5",
		},
	}
	controller := Ref{Controller: "c"}.Spec()
	told := reports{"c": event.Status}
	for name, tt := range map[string]struct {
		spec    firmware.Spec
		err     error
		accepts bool
		told    reports
		publish error
	}{
		"hawkBit":        {spec: controller, accepts: true, told: told},
		"another source": {spec: firmwaretest.Spec("c"), told: reports{}},
		"nothing":        {err: firmware.ErrNotFound, told: reports{}},
		"not known yet":  {err: firmware.ErrPending, told: reports{}, publish: upstream.ErrRejected},
	} {
		t.Run(name, func(t *testing.T) {
			got := reports{}
			p := NewPublisher(got, func(dfu.Device) (firmware.Spec, error) { return tt.spec, tt.err })
			if p.Accepts(&event) != tt.accepts {
				t.Errorf("accepts %v", !tt.accepts)
			}
			if err := p.Publish(t.Context(), &event); !errors.Is(err, tt.publish) {
				t.Errorf("publish: %v", err)
			}
			if diff := cmp.Diff(tt.told, got); diff != "" {
				t.Error(diff)
			}
			telemetry := event
			if telemetry.Kind = upstream.Telemetry; p.Accepts(&telemetry) {
				t.Error("accepts telemetry")
			}
		})
	}
}
