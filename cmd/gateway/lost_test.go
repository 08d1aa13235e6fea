package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"havn/bench/device"
	"havn/dfu"
	"havn/upstream/drogue/droguetest"
	"havn/upstream/drogue/droguetest/wire"
)

var seed = flag.Uint64("seed", 0, "of TestKilledUnderLoad; 0 = any")

const (
	kills     = 50
	longLives = 6 // of those, long enough for what stands to be stored
	underLoad = 32
)

// hostile is a site whose gateway is killed again and again while its devices
// update, its firmware moves on, and its cloud fails.
type hostile struct {
	*site
	cloud    *cloud
	registry *unreliable
	random   *rand.Rand
	lives    lives
	devices  []*restless
	version  int
	last     [2]atomic.Pointer[string] // versions to end with; nil while there will be others
	running  sync.WaitGroup
}

// modes are the kinds of devices. Each has a tag of its own name.
var modes = [2]string{"write", "block"}

// restless is a device that goes from version to version and keeps a journal.
type restless struct {
	*device.Device
	name    string
	kind    int // of modes
	journal *journal
	result  device.Result
	err     error
}

// TestKilledUnderLoad kills the gateway 50 times and compares what the cloud
// was told with what the devices say they did: the final state of each device
// arrives on both ways, states arrive in order, and none is missing that stood
// for longer than a flush interval.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	h.run()
	order := make([]int, kills)
	for i := range longLives {
		order[i] = 1
	}
	h.random.Shuffle(kills, func(i, j int) { order[i], order[j] = order[j], order[i] })
	for _, long := range order {
		h.live(long == 1)
		h.lives.end()
		h.kill()
		h.start()
	}
	h.end()
	h.running.Wait()
	for kind := range modes {
		h.cloud.knows(*h.last[kind].Load(), h.names(kind)...)
	}
	h.check()
}

func newHostile(t *testing.T) *hostile {
	n := *seed
	if n == 0 {
		n = rand.Uint64()
	}
	t.Logf("repeat with: go test -run TestKilledUnderLoad ./cmd/gateway -seed %d", n)
	c, u := newCloud(t, droguetest.Options{}), newUnreliable(t)
	h := &hostile{
		site: newSite(t, u.host, c.section()), cloud: c, registry: u, random: rand.New(rand.NewPCG(n, 0)),
	}
	c.desire(u.host + "/app/fw:write")
	for kind := range modes {
		h.publish(kind)
	}
	for i := range underLoad {
		h.add(i)
	}
	h.meet()
	return h
}

// add makes a device: one half of each kind, one in four of them slow.
func (h *hostile) add(i int) {
	conn, err := net.Dial("udp", h.coap)
	if err != nil {
		h.t.Fatal(err)
	}
	d := &restless{
		name: fmt.Sprintf("d%d", i), kind: i % 2,
		journal: &journal{Conn: conn, lives: &h.lives, blocks: i%2 == 1},
	}
	client := device.NewClient(d.journal, device.Transmission{AckTimeout: 100 * time.Millisecond, MaxRetransmit: 2})
	h.t.Cleanup(func() { _ = client.Close() })
	pause := time.Duration(0)
	if i%4 < 2 {
		pause = 300 * time.Millisecond
	}
	cfg := device.Config{
		Version: "v0", MTU: 256, BlockSize: 256, Sleep: briefly,
		Until: func(s device.State) bool {
			d.journal.note(s)
			last := h.last[d.kind].Load()
			return last != nil && s.Version == *last && s.InSync
		},
		Progress: func(uint32, uint32) {
			d.journal.note(d.State())
			time.Sleep(pause)
		},
	}
	id := dfu.Device{Application: "app", Name: d.name}
	if d.Device, err = device.NewCoAP(modes[d.kind], cfg, &device.CoAP{Client: client, Device: id}); err != nil {
		h.t.Fatal(err)
	}
	if h.cloud.add(d.name); d.kind == 1 {
		h.cloud.addWith(d.name, h.registry.host+"/app/fw:block")
	}
	h.devices = append(h.devices, d)
}

// meet lets the gateway learn from the cloud what the devices should run, as
// sites do before they are left alone.
func (h *hostile) meet() {
	h.start()
	for _, d := range h.devices {
		h.eventually("the cloud has said what "+d.name+" should run", func() error {
			if cmd := h.status("app/"+d.name, "v0"); cmd.Op == dfu.OpWait {
				return errNotYet
			}
			return nil
		})
	}
	h.lives.end()
	h.stop()
	h.start()
}

// names lists the devices of a kind.
func (h *hostile) names(kind int) (all []string) {
	for _, d := range h.devices {
		if d.kind == kind {
			all = append(all, d.name)
		}
	}
	return all
}

// publish moves the tag of a kind to a new version.
func (h *hostile) publish(kind int) (version string) {
	h.version++
	version = fmt.Sprintf("v%d", h.version)
	h.registry.publish(h.site, "app/fw:"+modes[kind], version, 1500+4*h.random.IntN(500))
	return version
}

// run starts the devices.
func (h *hostile) run() {
	ctx, cancel := context.WithTimeout(h.t.Context(), 3*time.Minute)
	for _, d := range h.devices {
		h.running.Go(func() { d.result, d.err = d.Run(ctx) })
	}
	h.t.Cleanup(func() {
		cancel()
		h.running.Wait()
	})
}

// live lets a process of the gateway live, and things happen to it. Where it
// lives long, devices stand for long enough to be missed, and move on.
func (h *hostile) live(long bool) {
	left := time.Duration(h.random.IntN(500)) * time.Millisecond
	if long {
		time.Sleep(flushed)
		h.publish(h.random.IntN(2))
		left += time.Second
	}
	for range h.random.IntN(4) {
		rest := time.Duration(h.random.Int64N(int64(left) + 1))
		time.Sleep(rest)
		left -= rest
		h.happen()
	}
	time.Sleep(left)
}

// happen lets one thing happen: the firmware moves on, or the cloud fails or
// recovers.
func (h *hostile) happen() {
	kind := []droguetest.Kind{droguetest.Registry, droguetest.MQTT}[h.random.IntN(2)]
	failure := 500
	if kind == droguetest.MQTT {
		failure = 0x97 // quota exceeded
	}
	switch h.random.IntN(9) {
	case 0, 1:
		h.publish(h.random.IntN(2))
	case 2:
		h.cloud.Set(kind, wire.Away)
	case 3:
		h.cloud.Set(kind, wire.Hang)
	case 4:
		h.cloud.Inject(kind, wire.Fault{Times: 20, Delay: 100 * time.Millisecond})
	case 5:
		h.cloud.Inject(kind, wire.Fault{Times: 5, Status: failure})
	case 6:
		h.cloud.Inject(kind, wire.Fault{Times: 2, Half: true})
	default:
		h.recover(kind)
	}
}

func (h *hostile) recover(kinds ...droguetest.Kind) {
	for _, kind := range kinds {
		h.cloud.Heal(kind)
		h.cloud.Set(kind, wire.Up)
	}
}

// end lets everything come to its end: no more kills, the cloud there.
func (h *hostile) end() {
	h.recover(droguetest.Registry, droguetest.MQTT)
	for kind := range modes {
		last := h.publish(kind)
		h.last[kind].Store(&last)
	}
}

func (h *hostile) check() {
	stood, events := 0, 0
	for _, d := range h.devices {
		if d.err != nil || len(d.result.Violations) > 0 {
			h.t.Errorf("%s: %v, violations %v", d.name, d.err, d.result.Violations)
		}
		all := h.cloud.statuses(d.name)
		events += len(all)
		stood += len(d.journal.stood())
		if faults := d.journal.compare(all); len(faults) > 0 {
			h.t.Errorf("%s:\n%s\nran %q\ntold %s", d.name, strings.Join(faults, "\n"),
				d.journal.versions(), shortened(all))
		}
	}
	if stood < underLoad {
		h.t.Errorf("devices stood %d times long enough to be missed: this test proves nothing", stood)
	}
	h.t.Logf("%d kills, %d versions, %d devices, %d events; %d times a device stood for longer than %s",
		kills, h.version, len(h.devices), events, stood, flushed)
}

func shortened(events []told) (lines []string) {
	for _, e := range events {
		lines = append(lines, fmt.Sprintf("%s %s %s>%s", e.Time.Format("05.000"), e.State, e.Current, e.Target))
	}
	return slices.Compact(lines)
}
