package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"havn/status"
	"havn/upstream"
	"havn/upstream/drogue/droguetest/apps"
)

// told is what the events of the devices said.
type told struct {
	mu     sync.Mutex
	last   map[string]upstream.StatusBody
	events map[string]int
}

// event takes an event. What is no status counts all the same.
func (t *told) event(e apps.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.events == nil {
		t.events, t.last = map[string]int{}, map[string]upstream.StatusBody{}
	}
	t.events[e.Device]++
	var s upstream.StatusBody
	if json.Unmarshal(e.Data, &s) == nil {
		t.last[e.Device] = s
	}
}

func (t *told) of(device string) (upstream.StatusBody, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, ok := t.last[device]
	return s, ok
}

// Events returns how many events arrived of a device.
func (b *Backend) Events(device string) int {
	b.told.mu.Lock()
	defer b.told.mu.Unlock()
	return b.told.events[device]
}

// Await waits until the last event of a device is what enough accepts, and
// status.firmware says the same. It returns that event.
func (b *Backend) Await(
	ctx context.Context, device string, enough func(upstream.StatusBody) bool,
) (upstream.StatusBody, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		event, ok := b.told.of(device)
		missing := errNoEvent
		if ok && enough(event) {
			if missing = b.same(device, event); missing == nil {
				return event, nil
			}
		}
		select {
		case <-ctx.Done():
			return event, fmt.Errorf("upstream: %w: %s: %w", context.Cause(ctx), device, missing)
		case <-tick.C:
		}
	}
}

// What the cloud was not told.
var (
	errNoEvent  = errors.New("the event that says how it stands has not arrived")
	errNoStatus = errors.New("status.firmware does not say how it stands")
)

// same reports whether status.firmware says what an event did.
func (b *Backend) same(device string, event upstream.StatusBody) error {
	resource, ok := b.Cloud.Device(b.options.Application, device)
	var written struct {
		Current    string
		Conditions []struct{ Type, Status, Message string }
	}
	if !ok || json.Unmarshal(resource.Status["firmware"], &written) != nil {
		return errNoStatus
	}
	inSync, progress := "", ""
	for _, c := range written.Conditions {
		switch c.Type {
		case "InSync":
			inSync = c.Status
		case "UpdateProgress":
			progress = c.Message
		}
	}
	wantSync, wantProgress := "False", ""
	switch event.State {
	case status.InSync:
		wantSync = "True"
	case status.Updating:
		wantProgress = fmt.Sprintf("%.2f", 100*float64(event.Offset)/float64(event.Size))
	default: // no more is written of the others
	}
	if written.Current != event.Current || inSync != wantSync || progress != wantProgress {
		return errNoStatus
	}
	return nil
}

// Settled waits until the final status of each device has arrived, as event and
// as status.firmware. It returns how many events the devices had.
func (b *Backend) Settled(ctx context.Context, devices []string) (events int, err error) {
	for _, name := range devices {
		if _, err := b.Await(ctx, name, b.inSync); err != nil {
			return events, err
		}
		events += b.Events(name)
	}
	return events, nil
}

func (b *Backend) inSync(event upstream.StatusBody) bool {
	return event.State == status.InSync && event.Current == b.options.Version
}
