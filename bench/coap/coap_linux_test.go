package coap

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"havn/bench"
	"havn/bench/device"
	"havn/bench/report/reporttest"
)

// quick is a benchmark that ends at once.
func quick() Benchmark {
	return Benchmark{
		Mode: device.ModeBlock, BlockSize: 64, Devices: 5, InFlight: 8, Duration: 50 * time.Millisecond,
		Runs: 2, Size: 10_000, Child: testChild, Progress: func(string) {},
	}
}

// jsonFields are those that others read.
var jsonFields = strings.Fields(`
	block_size devices blocks_per_s cpu_us_per_block p50_us p99_us p999_us lost
	limit_blocks_per_s limit_cpu_us_per_block limit_p50_us ratio_cpu_to_limit rss_bytes
	rss_growth_bytes heap_bytes_per_device mib_per_s allocs_per_block endpoints in_flight mode machine date command runs`)

func TestCoAP(t *testing.T) {
	for name, c := range map[string]Benchmark{
		"many endpoints": with(quick(), func(c *Benchmark) { c.Endpoints = 200 }),
		"one at a time": with(quick(), func(c *Benchmark) {
			c.Mode, c.Devices, c.InFlight, c.Runs = device.ModeWrite, 1, 1, 1
		}),
	} {
		r, err := c.Run(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		fields := reporttest.Fields(t, r)
		for _, field := range jsonFields {
			if v, ok := fields[field]; !ok || v == nil {
				t.Errorf("%s: %s is %v", name, field, v)
			}
		}
		for _, v := range []float64{
			r.BlocksPerS, r.LimitBlocksPerS, *r.CPUUsPerBlock, *r.RatioCPU, r.P50Us, r.LimitP50Us,
		} {
			if !(v > 0) {
				t.Errorf("%s: a figure is %v in %+v", name, v, fields)
			}
		}
		if r.P50Us > r.P99Us || r.P99Us > r.P999Us {
			t.Errorf("%s: p50 %v, p99 %v, p99.9 %v", name, r.P50Us, r.P99Us, r.P999Us)
		}
		if len(r.Runs) != c.Runs || r.EndpointsReached != c.endpoints() {
			t.Errorf("%s: %d runs, %d endpoints reached", name, len(r.Runs), r.EndpointsReached)
		}
		reporttest.Render(t, r, "gateway", "limit", "CPU us/block", "allocations")
	}
}

// TestCoAPOfAnotherServer: a gateway that is not a child, known by URL and PID.
func TestCoAPOfAnotherServer(t *testing.T) {
	address := startGateway(t)
	c := quick()
	c.URL, c.PID = fmt.Sprintf("coap://%s/fw/bench/d1", address), os.Getpid()
	r, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.AllocsPerBlock != nil || r.HeapPerDevice != nil {
		t.Error("allocations of another server are known")
	}
	if r.CPUUsPerBlock == nil || r.RSSBytes == nil || r.Firmware != linkSize {
		t.Errorf("CPU %v, memory %v, %d bytes of firmware", r.CPUUsPerBlock, r.RSSBytes, r.Firmware)
	}
	c.PID = 0
	if r, err = c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.CPUUsPerBlock != nil || r.RatioCPU != nil || r.RSSBytes != nil {
		t.Error("CPU time and memory of an unknown process")
	}
	reporttest.Render(t, r, c.URL)
	c.URL = fmt.Sprintf("coap://%s/nothing", address)
	if _, err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "PUT /nothing") {
		t.Errorf("%v, want that PUT was refused", err)
	}
}

const linkSize = 5000

// startGateway runs a gateway in this process until the test ends.
func startGateway(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := bench.Write(dir, bench.Firmware(linkSize)); err != nil {
		t.Fatal(err)
	}
	g, err := bench.Open(dir, fmt.Sprintf(configuration, minRows), bench.Local(dir))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return g.Addr("coap").String()
}

func TestCoAPSaysThatAChildDoesNotStart(t *testing.T) {
	c := quick()
	c.Child = func(ctx context.Context, _ ...string) *exec.Cmd { return testChild(ctx, "limit", "0") }
	_, err := c.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "did not print its address") {
		t.Errorf("%v", err)
	}
}

func TestCoAPEndsWithItsContext(t *testing.T) {
	c := quick()
	c.Duration = time.Minute
	ctx, cancel := context.WithCancel(t.Context())
	c.Progress = func(string) {}
	child := c.Child
	c.Child = func(ctx context.Context, args ...string) *exec.Cmd {
		if args[0] == "limit" {
			time.AfterFunc(10*time.Millisecond, cancel)
		}
		return child(ctx, args...)
	}
	if _, err := c.Run(ctx); err == nil || errors.Is(err, bench.ErrUsage) {
		t.Errorf("%v, want the end of the context", err)
	}
}

// TestClockCountsOwnWork: the clock of a PID is that of the process.
func TestClockCountsOwnWork(t *testing.T) {
	clock := clockOf(os.Getpid())
	before, err := clock.read()
	if err != nil {
		t.Fatal(err)
	}
	for after := before; after < before+5*time.Millisecond; {
		if after, err = clock.read(); err != nil {
			t.Fatal(err)
		}
	}
	if memory, err := residentMemory(os.Getpid()); err != nil || memory < 1<<20 {
		t.Errorf("%d bytes resident, %v", memory, err)
	}
	if _, err := residentMemory(-1); err == nil {
		t.Error("memory of no process")
	}
}
