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
	"havn/bench/lossy"
	"havn/dfu"
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
	f := newFleet(t, l.Addr().String(), "fleet", fleetSize)
	f.until("v3")
	f.at(fleetSize*12_000/4, func() { publish(t, lastPath, image, "v3") })
	f.at(fleetSize*12_000/2, func() {
		s.kill()
		s.start()
	})
	f.run()
	f.runs(last)
	t.Logf("link: %+v", l.Stats())
}

func startLink(t *testing.T, target string) *lossy.Link {
	t.Helper()
	path := lossy.Path{Loss: 0.1, Duplicate: 0.05, Reorder: 0.1, Jitter: 30 * time.Millisecond}
	l, err := lossy.Listen(lossy.Config{Up: path, Down: path, Seed: 1}, netip.MustParseAddrPort(target))
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
	last    string // the version to end with

	received atomic.Int64 // firmware bytes of all devices
	mu       sync.Mutex
	events   []occasion
}

type occasion struct {
	received int64
	do       func()
}

type fleetDevice struct {
	*device.Device
	name   string
	result device.Result
	err    error
}

// newFleet makes devices of an application that run v1.
func newFleet(t *testing.T, address, application string, size int) *fleet {
	f := &fleet{t: t}
	for i := range size {
		client, err := device.Dial(address, device.Transmission{AckTimeout: 100 * time.Millisecond, MaxRetransmit: 4})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		id := dfu.Device{Application: application, Name: fmt.Sprintf("d%d", i)}
		f.devices = append(f.devices, f.add(i, &device.CoAP{Client: client, Device: id}))
	}
	return f
}

// until sets the version to end with.
func (f *fleet) until(version string) { f.last = version }

func (f *fleet) add(i int, c *device.CoAP) *fleetDevice {
	mode := [...]string{"write", "block"}[i%2]
	last := uint32(0)
	cfg := device.Config{
		Version: "v1", MTU: 256, BlockSize: 256,
		Until: func(s device.State) bool { return s.Version == f.last && s.InSync },
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
	d, err := device.NewCoAP(mode, cfg, c)
	if err != nil {
		f.t.Fatal(err)
	}
	return &fleetDevice{Device: d, name: c.Device.Name}
}

// at makes do happen once the fleet has received n bytes. Events happen in order.
func (f *fleet) at(n int64, do func()) { f.events = append(f.events, occasion{n, do}) }

// runs checks that all devices ended on image, no rule was broken, and all
// events have happened.
func (f *fleet) runs(image []byte) {
	f.t.Helper()
	for i, d := range f.devices {
		if d.err != nil || len(d.result.Violations) > 0 {
			f.t.Errorf("device %d: %v, violations %v", i, d.err, d.result.Violations)
		} else if !bytes.Equal(d.Image(), image) {
			f.t.Errorf("device %d runs other bytes than those of the last image", i)
		}
	}
	if f.pending() > 0 {
		f.t.Fatalf("%d events of the test did not happen", f.pending())
	}
}

func (f *fleet) names() (all []string) {
	for _, d := range f.devices {
		all = append(all, d.name)
	}
	return all
}

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
