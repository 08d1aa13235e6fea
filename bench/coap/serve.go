package coap

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"runtime/metrics"

	"havn/bench"
	"havn/bench/load"
)

// configuration is the gateway's, on free ports of 127.0.0.1. Two classes of
// devices have chunks of their own, as on real sites; no simulated device is of
// them.
const configuration = `
admin: {listen: "127.0.0.1:0"}
coap: {listen: "127.0.0.1:0"}
chunks:
  coap:
    profiles:
      - {subnet: "fd00:abcd::/64", block_size: 64, write_size: 64}
      - {application: meters, device: "sensor-*", block_size: 256}
devices: {max: %d}
`

// minRows is the least size of the gateway's table of devices: the default.
const minRows = 100_000

// ServeGateway runs the gateway as the child of a benchmark: it prints the
// address of its CoAP front, then answers every line of in with the counter
// that the line names, and ends when in does or ctx. Where ctx ends first, in is
// left being read. The directory holds the firmware and takes the gateway's state.
func ServeGateway(ctx context.Context, dir string, devices int, in io.Reader, out io.Writer) error {
	yaml := fmt.Sprintf(configuration, max(minRows, devices))
	g, err := bench.Open(dir, yaml, bench.Local(dir))
	if err != nil {
		return err
	}
	return serveChild(ctx, g.Addr("coap"), in, out, g.Run)
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
