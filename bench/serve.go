package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"time"

	"havn/bench/load"
	"havn/coap"
	"havn/dfu"
	"havn/gateway"
	"havn/gateway/config"
)

// What the simulated devices are told. Their new firmware has this version.
const (
	application = "bench"
	oldVersion  = "0.9.0" // that they run
	newVersion  = "1.0.0"
)

// deviceName is the name of the i-th device: all are of one length, so that all
// requests are.
func deviceName(i int) dfu.Device {
	return dfu.Device{Application: application, Name: fmt.Sprintf("d%07d", i)}
}

// madeUp returns n bytes without a pattern, the same every time.
func madeUp(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// startTimeout is how long a server may take to have its firmware ready.
const startTimeout = 30 * time.Second

// firstResource is the firmware of a device that only waits until it is there.
// To the gateway it has had its update then, so it is none of those measured.
func firstResource() load.Resource {
	return load.Resource{Path: []string{"fw", application, "first"}}
}

// Serving is a gateway to be measured.
type Serving struct {
	Dir     string // for its state; holds firmware.bin, which it serves
	Devices int    // that will ask
}

func (s Serving) firmware() string { return filepath.Join(s.Dir, "firmware.bin") }

// gateway opens a gateway as operators run it, on free ports of 127.0.0.1.
func (s Serving) gateway() (*gateway.Gateway, error) {
	cfg := config.Default()
	cfg.Data = filepath.Join(s.Dir, "data")
	cfg.Admin.Listen, cfg.CoAP.Listen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Devices.Max = max(cfg.Devices.Max, s.Devices)
	// Two classes of devices that nobody here belongs to: sites have such.
	cfg.Chunks.CoAP.Profiles = []coap.Profile{
		{Subnet: netip.MustParsePrefix("fd00:abcd::/64"), BlockSize: 64, WriteSize: 64},
		{Application: "meters", Device: "sensor-*", BlockSize: 256},
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	return gateway.New(cfg, &gateway.LocalFile{Path: s.firmware(), Version: newVersion}, log)
}

// Serve runs a gateway as the child of a benchmark: it prints the address of
// its CoAP front, then answers every line of in with the counter that the line
// names, and ends when in does or ctx. Where ctx ends first, in is left being
// read.
func (s Serving) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	g, err := s.gateway()
	if err != nil {
		return err
	}
	return serveChild(ctx, g.CoAPAddr(), in, out, g.Run)
}

// ServeLimit runs a [load.Responder] with answers of size bytes, in the same
// way.
func ServeLimit(ctx context.Context, size int, in io.Reader, out io.Writer) error {
	r, err := load.NewResponder(size)
	if err != nil {
		return err
	}
	addr, err := r.Addr()
	if err != nil {
		return err
	}
	return serveChild(ctx, addr, in, out, r.Serve)
}

// serveChild is the child's side of the pipes.
func serveChild(ctx context.Context, addr netip.AddrPort, in io.Reader, out io.Writer,
	run func(context.Context) error) error {
	if _, err := fmt.Fprintln(out, addr); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		answerCounters(in, out)
	}()
	return run(ctx)
}

// The counters of a child.
const (
	countAllocations = "/gc/heap/allocs:objects" // objects that it ever allocated
	countHeap        = "/gc/heap/live:bytes"     // bytes of the objects in use, after a collection
)

// answerCounters writes a counter for every line read.
func answerCounters(in io.Reader, out io.Writer) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		if lines.Text() == countHeap {
			runtime.GC()
		}
		sample := []metrics.Sample{{Name: lines.Text()}}
		metrics.Read(sample)
		if _, err := fmt.Fprintln(out, sample[0].Value.Uint64()); err != nil {
			return
		}
	}
}
