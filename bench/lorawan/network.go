package lorawan

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"havn/bench"
	"havn/bench/device"
	"havn/dfu"
	"havn/lorawan/chirpstack/chirpstacktest"
	"havn/lorawan/chirpstack/chirpstacktest/clock"
	"havn/lorawan/event"
)

// What the simulated networks and their devices are.
const (
	siteRegion       = "EU868"
	fPort            = 223
	firstApplication = 900_001 // in topics, of the first network: nobody's on a shared broker
)

// dataRates are those of the devices, in turns.
var dataRates = []int{0, 3, 5}

// errFirmware: a downlink did not carry what the device had asked for.
var errFirmware = errors.New("wrong answer")

// network is a simulated network server with a broker of its own, and its
// devices, each of which sends an uplink a second.
type network struct {
	perSecond int
	broker    runningBroker
	server    *chirpstacktest.Server
	devices   []*endDevice

	before  int // latencies that belong to the warm-up
	sent    int // uplinks after it
	carried atomic.Int64
}

// newNetworks returns the networks of uplinkRates, in that order.
func newNetworks(broker, dir string, image []byte) (all []*network, err error) {
	for _, rate := range uplinkRates {
		for range rate.networks {
			folder := filepath.Join(dir, strconv.Itoa(len(all)))
			if err := os.Mkdir(folder, 0o700); err != nil {
				return nil, err
			}
			n := &network{perSecond: rate.perSecond}
			if n.broker, err = newBroker(broker, folder); err != nil {
				return nil, err
			}
			if err := n.populate(firstApplication+len(all), image); err != nil {
				return nil, err
			}
			all = append(all, n)
		}
	}
	return all, nil
}

// populate makes the server and its devices. The radio takes no time here: what
// is measured ends before RX1.
func (n *network) populate(app int, image []byte) (err error) {
	timing := clock.Measured()
	timing.RX1Delay, timing.RX2Gap = 0, 0
	n.server, err = chirpstacktest.New(chirpstacktest.Config{
		Broker: n.broker.url, Application: strconv.Itoa(app), Timing: timing, Seed: uint64(app),
	})
	if err != nil {
		return err
	}
	for i := range n.perSecond {
		var eui event.DevEUI
		binary.BigEndian.PutUint32(eui[:], uint32(app))
		binary.BigEndian.PutUint32(eui[4:], uint32(i))
		d, err := n.server.Add(chirpstacktest.DeviceConfig{
			EUI: eui, DR: dataRates[i%len(dataRates)],
		})
		if err != nil {
			return err
		}
		n.devices = append(n.devices, &endDevice{Device: d, image: image})
	}
	return nil
}

// run is the life of broker and server.
func (n *network) run(ctx context.Context) error {
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return n.broker.run(ctx) })
	parts.Go(func() error { return n.server.Run(ctx) })
	return parts.Wait()
}

// warm lets every device ask until it is answered: nothing is queued then.
func (n *network) warm(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, bench.StartTimeout,
		fmt.Errorf("devices got no firmware through broker %s within %v", n.broker.url, bench.StartTimeout))
	defer cancel()
	err := n.pace(ctx, n.perSecond, func(ctx context.Context, d *endDevice) error {
		for {
			if answered, err := d.ask(ctx); answered || err != nil {
				return err
			}
		}
	})
	n.before = len(n.server.Latencies())
	return err
}

// measure lets devices ask as often as count.
func (n *network) measure(ctx context.Context, count int) error {
	n.sent = count
	return n.pace(ctx, count, func(ctx context.Context, d *endDevice) error {
		answered, err := d.ask(ctx)
		if answered {
			n.carried.Add(1)
		}
		return err
	})
}

// pace lets the devices send in turns, each uplink at a moment of its own within
// its share of the second, however long answers take. It returns when the last
// exchange is over.
func (n *network) pace(
	ctx context.Context, count int, send func(context.Context, *endDevice) error,
) error {
	random := rand.New(rand.NewPCG(1, 2))
	start, share := time.Now(), time.Second/time.Duration(n.perSecond)
	asking, askingCtx := errgroup.WithContext(ctx)
	for i := range count {
		moment := time.Duration((float64(i) + random.Float64()) * float64(share))
		if device.Sleep(askingCtx, time.Until(start.Add(moment))) != nil {
			break
		}
		d := n.devices[i%len(n.devices)]
		asking.Go(func() error { return send(askingCtx, d) })
	}
	return errors.Join(asking.Wait(), context.Cause(ctx))
}

// latencies returns how long the answers took, since the warm-up.
func (n *network) latencies() []time.Duration { return n.server.Latencies()[n.before:] }

// endDevice is a device that takes firmware and compares it with what it
// should be.
type endDevice struct {
	*chirpstacktest.Device
	image []byte

	mu     sync.Mutex
	offset uint32 // next byte wanted
}

// ask sends a Status. It reports whether firmware came back, and fails if the
// firmware was wrong.
func (d *endDevice) ask(ctx context.Context) (answered bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	st := dfu.Status{Version: []byte(bench.OldVersion), MTU: event.MaxPayload}
	if d.offset > 0 {
		st.Updating = true
		st.Update = dfu.Progress{Version: []byte(bench.NewVersion), Offset: d.offset}
	}
	downlink, ok, err := d.Exchange(ctx, fPort, st.Append(nil))
	if err != nil || !ok {
		return false, err
	}
	return true, d.take(downlink)
}

func (d *endDevice) take(downlink []byte) error {
	c, err := dfu.ParseCommand(downlink)
	end := int(c.Offset) + len(c.Data)
	switch {
	case err != nil:
		return fmt.Errorf("%w to device %s: %w", errFirmware, d.Name(), err)
	case c.Op != dfu.OpWrite || string(c.Version) != bench.NewVersion || c.Offset != d.offset:
		return fmt.Errorf("%w to device %s at offset %d: %v of %q at %d",
			errFirmware, d.Name(), d.offset, c.Op, c.Version, c.Offset)
	case len(c.Data) == 0 || end > len(d.image) || !bytes.Equal(c.Data, d.image[c.Offset:end]):
		return fmt.Errorf("%w to device %s: %d bytes at offset %d are not those of the firmware",
			errFirmware, d.Name(), len(c.Data), c.Offset)
	}
	d.offset = uint32(end)
	return nil
}
