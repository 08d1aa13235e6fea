package coap

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"time"

	"havn/bench"
	"havn/bench/device"
	"havn/bench/load"
	"havn/dfu"
)

// comparison is a benchmark under way: a server, its limit and a generator for
// each.
type comparison struct {
	Benchmark
	generatorCPU, serverCPU int
	body                    []byte

	server, limit side
	children      []*child
	contacted     uint64 // answers before the measurement
}

// side is one of the two that are compared.
type side struct {
	addr      netip.AddrPort
	transfer  load.Transfer
	generator *load.Generator
	child     *child // nil: not ours
	pid       int    // 0: unknown
	memory    uint64 // resident bytes before the load
	heap      uint64 // bytes in use before the load; ours only
}

// Run measures. It needs Linux.
func (c Benchmark) Run(ctx context.Context) (*Report, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "gateway-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	cmp := &comparison{Benchmark: c, body: bench.Firmware(c.Size)}
	defer cmp.close()
	cmp.generatorCPU, cmp.serverCPU = cpus()
	if c.URL == "" {
		err = cmp.startGateway(ctx, dir)
	} else {
		err = cmp.findServer(ctx)
	}
	if err != nil {
		return nil, err
	}
	return cmp.run(ctx)
}

func (c *comparison) close() {
	for _, s := range []side{c.server, c.limit} {
		if s.generator != nil {
			_ = s.generator.Close()
		}
	}
	for _, child := range c.children {
		child.close()
	}
}

// start makes s a child of ours.
func (c *comparison) start(ctx context.Context, s *side, args ...string) error {
	child, err := startChild(c.Child(ctx, args...), c.serverCPU)
	if err != nil {
		return err
	}
	c.children = append(c.children, child)
	s.child, s.addr, s.pid = child, child.addr, child.pid()
	return nil
}

// startGateway starts this gateway, and waits until it has its firmware in
// memory.
func (c *comparison) startGateway(ctx context.Context, dir string) error {
	if err := bench.Write(dir, c.body); err != nil {
		return err
	}
	if err := c.start(ctx, &c.server, "serve", dir, strconv.Itoa(c.Devices)); err != nil {
		return err
	}
	devices := make([]dfu.Device, c.Devices)
	resources := make([]load.Resource, c.Devices)
	for i := range devices {
		devices[i] = bench.Device(i)
		resources[i] = load.Firmware(devices[i])
	}
	if err := c.fetch(ctx, load.Firmware(bench.FirstDevice)); err != nil {
		return err
	}
	return c.setTransfer(resources, devices)
}

func (c *comparison) setTransfer(resources []load.Resource, devices []dfu.Device) (err error) {
	if c.Mode == device.ModeWrite {
		c.server.transfer, err = load.NewWrite(devices, bench.NewVersion, c.body, c.BlockSize)
	} else {
		c.server.transfer, err = load.NewBlock(resources, c.body, c.BlockSize)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", bench.ErrUsage, err)
	}
	return nil
}

// findServer measures another server. A server that has no such resource gets
// one by PUT.
func (c *comparison) findServer(ctx context.Context) error {
	addr, resource, err := c.target()
	if err != nil {
		return err
	}
	c.server.addr, c.server.pid = addr, c.PID
	err = c.fetch(ctx, resource)
	if errors.Is(err, load.ErrNotFound) {
		err = c.put(ctx, resource)
	}
	if err != nil {
		return fmt.Errorf("server %s: %w", c.URL, err)
	}
	return c.setTransfer([]load.Resource{resource}, nil)
}

// fetch reads what the server has: that is what it must go on to send.
func (c *comparison) fetch(ctx context.Context, r load.Resource) error {
	client, err := device.Dial(c.server.addr.String(), device.Transmission{})
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, bench.StartTimeout)
	defer cancel()
	body, err := load.Fetch(ctx, client, r, 1024)
	if err == nil {
		c.body = body
	}
	return err
}

func (c *comparison) put(ctx context.Context, r load.Resource) error {
	client, err := device.Dial(c.server.addr.String(), device.Transmission{})
	if err != nil {
		return err
	}
	defer client.Close()
	if err := load.Put(ctx, client, r, c.body); err != nil {
		return fmt.Errorf("no %s there, and none taken: %w", r, err)
	}
	return c.fetch(ctx, r)
}

// run measures in turns.
func (c *comparison) run(ctx context.Context) (*Report, error) {
	if err := c.prepare(ctx); err != nil {
		return nil, err
	}
	report := c.newReport()
	report.Firmware, report.Separate = len(c.body), c.serverCPU >= 0
	for i := range c.Runs {
		pair, err := c.pair(ctx, report)
		if err != nil {
			return nil, fmt.Errorf("run %d: %w", i+1, err)
		}
		report.Runs = append(report.Runs, pair)
		c.Progress(fmt.Sprintf("run %d/%d: %s", i+1, c.Runs, pair))
	}
	report.summarize(c.contacted)
	return report, c.noteMemory(report)
}

// First contact: how long it may take, and the step in which it goes on.
const (
	maxContact  = 15 * time.Second
	contactStep = 50 * time.Millisecond
)

// contact lets every endpoint ask once, so that what a server keeps of each is
// there before the measurement. It returns the size of the answers.
func (c *comparison) contact(ctx context.Context) (size int, err error) {
	for start := time.Now(); time.Since(start) < maxContact; {
		result, err := c.server.generator.Run(ctx, load.Window{Measure: contactStep})
		if err != nil {
			return 0, err
		}
		c.contacted += result.Answered
		if size = result.Size; c.contacted >= uint64(c.peers()) {
			break
		}
	}
	return size, nil
}

// prepare opens the generators, and starts the limit with answers as long as
// the server's.
func (c *comparison) prepare(ctx context.Context) (err error) {
	if err = c.server.readMemory(); err != nil {
		return err
	}
	if err := c.open(&c.server); err != nil {
		return err
	}
	size, err := c.contact(ctx)
	if err != nil {
		return err
	}
	c.limit.transfer = &load.Echo{
		Requests: c.server.transfer, Reply: size, Chunk: c.BlockSize, Size: len(c.body),
	}
	if err := c.start(ctx, &c.limit, "limit", strconv.Itoa(size)); err != nil {
		return err
	}
	return c.open(&c.limit)
}

func (c *comparison) open(s *side) (err error) {
	s.generator, err = load.New(load.Config{
		Target: s.addr, Transfer: s.transfer, Peers: c.peers(), Endpoints: c.endpoints(),
		InFlight: c.InFlight, CPU: c.generatorCPU,
	})
	return err
}

func (c *comparison) pair(ctx context.Context, r *Report) (p Pair, err error) {
	if p.Server, err = c.sample(ctx, &c.server, r.latency); err == nil {
		p.Limit, err = c.sample(ctx, &c.limit, r.limitLatency)
	}
	return p, err
}

// maxWarmup is the time before a measurement: a tenth of it, or less.
const maxWarmup = 200 * time.Millisecond
