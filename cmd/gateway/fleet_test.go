package main

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"havn/bench/device"
	"havn/bench/link"
	"havn/gateway/dfu"
)

const fleetSize = 200

// TestFleetOverALossyLink updates 200 devices over a link that loses,
// duplicates and reorders, while the tag moves once in the middle and the
// gateway is killed and started again. No device may see a broken rule, and
// all must end on the last image.
func TestFleetOverALossyLink(t *testing.T) {
	t.Parallel()
	host := strings.TrimPrefix(fakeRegistry(t).URL, "http://")
	image := host + "/fleet/firmware:stable"
	s := newSite(t, host, fmt.Sprintf("  desired: [{application: fleet, container: {image: %q}}]\n", image))
	first := s.write("first.bin", random(t, 12_000+6))
	last := random(t, 16_000+2)
	lastPath := s.write("last.bin", last)
	publish(t, first, image, "v2")
	s.start()

	l := startLink(t, s.coap)
	f := newFleet(t, l.Addr().String())
	f.at(fleetSize*12_000/4, func() { publish(t, lastPath, image, "v3") })
	f.at(fleetSize*12_000/2, func() {
		s.kill()
		s.start()
	})
	f.run()
	for i, d := range f.devices {
		if d.err != nil || len(d.result.Violations) > 0 {
			t.Errorf("device %d: %v, violations %v", i, d.err, d.result.Violations)
		} else if !bytes.Equal(d.Image(), last) {
			t.Errorf("device %d runs other bytes than those of the last image", i)
		}
	}
	if f.pending() > 0 {
		t.Fatalf("%d events of the test did not happen", f.pending())
	}
	t.Logf("link: %+v", l.Stats())
}

func startLink(t *testing.T, target string) *link.Link {
	t.Helper()
	path := link.Path{Loss: 0.1, Duplicate: 0.05, Reorder: 0.1, Jitter: 30 * time.Millisecond}
	l, err := link.Listen(link.Config{Up: path, Down: path, Seed: 1}, netip.MustParseAddrPort(target))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l
}

// fleet is many devices, half of them of each kind, and what happens while
// they update.
type fleet struct {
	t       *testing.T
	devices []*fleetDevice

	received atomic.Int64 // firmware bytes of all devices
	mu       sync.Mutex
	events   []event
}

type event struct {
	received int64
	do       func()
}

type fleetDevice struct {
	*device.Device
	client *device.Client
	result device.Result
	err    error
}

func newFleet(t *testing.T, address string) *fleet {
	f := &fleet{t: t}
	for i := range fleetSize {
		client, err := device.Dial(address, device.Transmission{AckTimeout: 100 * time.Millisecond, MaxRetransmit: 4})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		f.devices = append(f.devices, f.add(i, client))
	}
	return f
}

func (f *fleet) add(i int, client *device.Client) *fleetDevice {
	mode := [...]string{"write", "block"}[i%2]
	last := uint32(0)
	cfg := device.Config{
		Version: "v1", MTU: 256, BlockSize: 256,
		Until: func(s device.State) bool { return s.Version == "v3" && s.InSync },
		Sleep: func(ctx context.Context, d time.Duration) error {
			select { // a poll of minutes would only make the test long
			case <-time.After(min(d, 200*time.Millisecond)):
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		},
		Progress: func(offset, _ uint32) {
			f.received.Add(int64(offset - min(last, offset)))
			last = offset
		},
	}
	id := dfu.Device{Application: "fleet", Name: fmt.Sprintf("d%d", i)}
	d, err := newSimulated(mode, cfg, &device.CoAP{Client: client, Device: id})
	if err != nil {
		f.t.Fatal(err)
	}
	return &fleetDevice{Device: d, client: client}
}

// at makes do happen once the fleet has received n bytes. Events happen in order.
func (f *fleet) at(n int64, do func()) { f.events = append(f.events, event{n, do}) }

func (f *fleet) pending() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.events)
}

// run ends when all devices have.
func (f *fleet) run() {
	ctx, cancel := context.WithTimeout(f.t.Context(), 4*time.Minute)
	defer cancel()
	var running sync.WaitGroup
	for _, d := range f.devices {
		running.Go(func() { d.result, d.err = d.Run(ctx) })
	}
	ended := make(chan struct{})
	go func() {
		running.Wait()
		close(ended)
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			f.happen()
		}
	}
}

func (f *fleet) happen() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.events) > 0 && f.received.Load() >= f.events[0].received {
		f.events[0].do()
		f.events = f.events[1:]
	}
}
