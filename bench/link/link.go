package link

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"time"

	"havn/bench"
	"havn/bench/device"
	"havn/bench/load"
	"havn/bench/lossy"
	"havn/bench/report"
	"havn/coap/block"
	"havn/gateway"
)

// Benchmark measures how long an update takes over slow and lossy links: every
// combination of block size, round-trip time and loss, all at the same time,
// each with a device and a link of its own.
type Benchmark struct {
	Mode       string // device.ModeBlock or device.ModeWrite
	BlockSizes []int  // bytes of a block, or most bytes of a Write
	RTTs       []time.Duration
	Losses     []float64     // probability that a datagram is lost, in each direction
	Size       int           // bytes of the firmware
	AckTimeout time.Duration // ACK_TIMEOUT of the devices (RFC 7252 section 4.8); 2 s when 0
	Timeout    time.Duration // of the whole; what is not done by then is reported as far as it came
	Seed       uint64        // of the losses

	Progress func(line string) // is told of every update that ends, also of two at a time
}

// configuration is the gateway's.
const configuration = `
admin: {listen: ""}
coap: {listen: "127.0.0.1:0"}
`

// maxCells bounds the combinations: each has a device and two sockets.
const maxCells = 512

// maxLoss is where the model ends: above it, waiting times have no mean.
const maxLoss = 0.25

// Validate reports what makes no sense.
func (l Benchmark) Validate() error {
	switch cells := len(l.BlockSizes) * len(l.RTTs) * len(l.Losses); {
	case l.Mode != device.ModeBlock && l.Mode != device.ModeWrite:
		return fmt.Errorf("%w: mode %q: want block or write", bench.ErrUsage, l.Mode)
	case cells < 1 || cells > maxCells:
		return fmt.Errorf("%w: %d combinations: want 1 to %d", bench.ErrUsage, cells, maxCells)
	case l.Size < 1 || l.Size > bench.MaxSize:
		return fmt.Errorf("%w: firmware of %d bytes: want 1 to %d", bench.ErrUsage, l.Size, bench.MaxSize)
	case l.Timeout <= 0 || l.AckTimeout < 0:
		return fmt.Errorf("%w: timeouts %v and %v: want more than 0", bench.ErrUsage, l.Timeout, l.AckTimeout)
	}
	return l.validateValues()
}

func (l Benchmark) validateValues() error {
	for _, size := range l.BlockSizes {
		if block.ForSize(size).Size() != size {
			return fmt.Errorf("%w: block size %d: want 16, 32, 64 ... 1024", bench.ErrUsage, size)
		}
	}
	for _, rtt := range l.RTTs {
		if rtt < 0 {
			return fmt.Errorf("%w: round-trip time %v: want 0 or more", bench.ErrUsage, rtt)
		}
	}
	for _, loss := range l.Losses {
		if !(loss >= 0 && loss <= maxLoss) {
			return fmt.Errorf("%w: loss %g: want 0 to %g", bench.ErrUsage, loss, maxLoss)
		}
	}
	return nil
}

// Cell is one update over one link.
type Cell struct {
	BlockSize     int     `json:"block_size"`
	RTTMs         float64 `json:"rtt_ms"`
	Loss          float64 `json:"loss"`
	Blocks        int     `json:"blocks"`        // of the firmware
	Requests      uint64  `json:"requests"`      // made; more than blocks by those that lead to them
	Retransmitted uint64  `json:"retransmitted"` //
	ModelS        float64 `json:"model_s"`       // blocks x RTT
	ExpectedS     float64 `json:"expected_s"`    // requests x (RTT + mean wait for what is lost)
	MeasuredS     float64 `json:"measured_s"`
	Bytes         uint64  `json:"bytes"`    // received
	Finished      bool    `json:"finished"` // verified and swapped to, before the time was over
}

// newCell returns a cell with what the model says.
func (l Benchmark) newCell(size int, rtt time.Duration, loss float64) Cell {
	blocks := (l.Size + size - 1) / size
	return Cell{
		BlockSize: size, RTTMs: rtt.Seconds() * 1e3, Loss: loss, Blocks: blocks,
		ModelS: float64(blocks) * rtt.Seconds(),
	}
}

// wait returns the mean time in seconds that an exchange waits for what was
// lost, where a datagram is lost with probability loss in each direction.
//
// An exchange fails with p = 1-(1-loss)^2. The device then waits ACK_TIMEOUT
// times 1.25 on average, and twice as long each time after that (RFC 7252
// section 4.2): T(p + 2p^2 + 4p^3 ...) = Tp/(1-2p).
func wait(loss float64, ackTimeout time.Duration) float64 {
	p := 1 - math.Pow(1-loss, 2)
	const meanRandomFactor = 1.25
	return meanRandomFactor * ackTimeout.Seconds() * p / (1 - 2*p)
}

// Run measures. What does not end in time is no error.
func (l Benchmark) Run(ctx context.Context) (*Report, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	if l.AckTimeout == 0 {
		l.AckTimeout = 2 * time.Second
	}
	dir, err := os.MkdirTemp("", "gateway-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := bench.Write(dir, bench.Firmware(l.Size)); err != nil {
		return nil, err
	}
	g, err := bench.Open(dir, configuration, bench.Local(dir))
	if err != nil {
		return nil, err
	}
	r := &Report{
		Header: report.NewHeader(), Mode: l.Mode, Firmware: l.Size,
		AckTimeoutS: l.AckTimeout.Seconds(), Cells: l.cells(),
	}
	measure := func(ctx context.Context) error { return l.measure(ctx, g, r) }
	return r, bench.Live(ctx, measure, g.Run)
}

// measure runs all cells against g.
func (l Benchmark) measure(ctx context.Context, g *gateway.Gateway, r *Report) error {
	if err := warm(ctx, g); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	var running sync.WaitGroup
	errs := make([]error, len(r.Cells))
	for i := range r.Cells {
		running.Go(func() { errs[i] = l.update(limited, g, i, &r.Cells[i]) })
	}
	running.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}

func (l Benchmark) cells() (all []Cell) {
	for _, loss := range l.Losses {
		for _, rtt := range l.RTTs {
			for _, size := range l.BlockSizes {
				all = append(all, l.newCell(size, rtt, loss))
			}
		}
	}
	return all
}

// warm waits until g has its firmware in memory.
func warm(ctx context.Context, g *gateway.Gateway) error {
	client, err := device.Dial(g.Addr("coap").String(), device.Transmission{})
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, bench.StartTimeout)
	defer cancel()
	_, err = load.Fetch(ctx, client, load.Firmware(bench.FirstDevice), 1024)
	return err
}

// update is the i-th cell: a device that updates over a link of its own.
func (l Benchmark) update(ctx context.Context, g *gateway.Gateway, i int, cell *Cell) error {
	oneWay := time.Duration(cell.RTTMs * float64(time.Millisecond) / 2)
	path := lossy.Path{Loss: cell.Loss, Delay: oneWay}
	cfg := lossy.Config{Up: path, Down: path, Seed: l.Seed + uint64(i)}
	relay, err := lossy.Listen(cfg, g.Addr("coap"))
	if err != nil {
		return err
	}
	over := func(context.Context) error { return l.updateOver(ctx, relay, i, cell) }
	return bench.Live(context.WithoutCancel(ctx), over, relay.Run)
}

func (l Benchmark) updateOver(ctx context.Context, relay *lossy.Link, i int, cell *Cell) error {
	client, err := device.Dial(relay.Addr().String(), device.Transmission{AckTimeout: l.AckTimeout})
	if err != nil {
		return err
	}
	defer client.Close()
	cfg := device.Config{
		Version: bench.OldVersion, MTU: uint32(cell.BlockSize), BlockSize: cell.BlockSize,
		Backoff: time.Second, Until: func(s device.State) bool { return s.Swaps > 0 },
	}
	d, err := device.NewCoAP(l.Mode, cfg, &device.CoAP{Client: client, Device: bench.Device(i)})
	if err != nil {
		return err
	}
	result, err := d.RunStrictly(ctx)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("block size %d, RTT %g ms, loss %g: %w",
			cell.BlockSize, cell.RTTMs, cell.Loss, err)
	}
	cell.fill(result, client.Stats(), err == nil)
	cell.ExpectedS = float64(cell.Requests) * (cell.RTTMs/1e3 + wait(cell.Loss, l.AckTimeout))
	l.Progress(cell.String())
	return nil
}

// fill takes over what an update did.
func (c *Cell) fill(r device.Result, s device.ClientStats, finished bool) {
	c.MeasuredS, c.Bytes, c.Finished = r.Duration.Seconds(), r.Bytes, finished
	c.Requests, c.Retransmitted = s.Sent, s.Retransmitted
}
