package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"time"

	"havn/bench/device"
	"havn/bench/link"
	"havn/bench/load"
	"havn/coap/block"
	"havn/gateway"
)

// Link measures how long an update takes over slow and lossy links: every
// combination of block size, round-trip time and loss, all at the same time,
// each with a device and a link of its own.
type Link struct {
	Mode       string // ModeBlock or ModeWrite
	BlockSizes []int  // bytes of a block, or most bytes of a Write
	RTTs       []time.Duration
	Losses     []float64     // probability that a datagram is lost, in each direction
	Size       int           // bytes of the firmware
	AckTimeout time.Duration // ACK_TIMEOUT of the devices (RFC 7252 section 4.8); 2 s when 0
	Timeout    time.Duration // of the whole; what is not done by then is reported as far as it came
	Seed       uint64        // of the losses

	Progress func(line string) // is told of every update that ends, also of two at a time
}

// maxCells bounds the combinations: each has a device and two sockets.
const maxCells = 512

// maxLoss is where the model ends: above it, waiting times have no mean.
const maxLoss = 0.25

// Validate reports what makes no sense.
func (l Link) Validate() error {
	switch cells := len(l.BlockSizes) * len(l.RTTs) * len(l.Losses); {
	case l.Mode != ModeBlock && l.Mode != ModeWrite:
		return fmt.Errorf("%w: mode %q: want block or write", ErrUsage, l.Mode)
	case cells < 1 || cells > maxCells:
		return fmt.Errorf("%w: %d combinations: want 1 to %d", ErrUsage, cells, maxCells)
	case l.Size < 1 || l.Size > maxSize:
		return fmt.Errorf("%w: firmware of %d bytes: want 1 to %d", ErrUsage, l.Size, maxSize)
	case l.Timeout <= 0 || l.AckTimeout < 0:
		return fmt.Errorf("%w: timeouts %v and %v: want more than 0", ErrUsage, l.Timeout, l.AckTimeout)
	}
	return l.validateValues()
}

func (l Link) validateValues() error {
	for _, size := range l.BlockSizes {
		if block.ForSize(size).Size() != size {
			return fmt.Errorf("%w: block size %d: want 16, 32, 64 ... 1024", ErrUsage, size)
		}
	}
	for _, rtt := range l.RTTs {
		if rtt < 0 {
			return fmt.Errorf("%w: round-trip time %v: want 0 or more", ErrUsage, rtt)
		}
	}
	for _, loss := range l.Losses {
		if !(loss >= 0 && loss <= maxLoss) {
			return fmt.Errorf("%w: loss %g: want 0 to %g", ErrUsage, loss, maxLoss)
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
func (l Link) newCell(size int, rtt time.Duration, loss float64) Cell {
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
func (l Link) Run(ctx context.Context) (*LinkReport, error) {
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
	serving := Serving{Dir: dir}
	if err := os.WriteFile(serving.firmware(), madeUp(l.Size), 0o600); err != nil {
		return nil, err
	}
	g, err := serving.gateway()
	if err != nil {
		return nil, err
	}
	served, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- g.Run(served) }()
	report, err := l.measure(ctx, g)
	stop()
	return report, errors.Join(err, <-ended)
}

// measure runs all cells against g.
func (l Link) measure(ctx context.Context, g *gateway.Gateway) (*LinkReport, error) {
	if err := warm(ctx, g); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	report := &LinkReport{Header: newHeader(), Mode: l.Mode, Firmware: l.Size,
		AckTimeoutS: l.AckTimeout.Seconds(), Cells: l.cells()}
	var running sync.WaitGroup
	errs := make([]error, len(report.Cells))
	for i := range report.Cells {
		running.Go(func() { errs[i] = l.update(limited, g, i, &report.Cells[i]) })
	}
	running.Wait()
	return report, errors.Join(append(errs, ctx.Err())...)
}

func (l Link) cells() (all []Cell) {
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
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	_, err = load.Fetch(ctx, client, firstResource(), 1024)
	return err
}

// update is the i-th cell: a device that updates over a link of its own.
func (l Link) update(ctx context.Context, g *gateway.Gateway, i int, cell *Cell) error {
	oneWay := time.Duration(cell.RTTMs * float64(time.Millisecond) / 2)
	path := link.Path{Loss: cell.Loss, Delay: oneWay}
	cfg := link.Config{Up: path, Down: path, Seed: l.Seed + uint64(i)}
	relay, err := link.Listen(cfg, g.Addr("coap"))
	if err != nil {
		return err
	}
	relaying, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- relay.Run(relaying) }()
	err = l.updateOver(ctx, relay, i, cell)
	stop()
	return errors.Join(err, <-ended)
}

func (l Link) updateOver(ctx context.Context, relay *link.Link, i int, cell *Cell) error {
	client, err := device.Dial(relay.Addr().String(), device.Transmission{AckTimeout: l.AckTimeout})
	if err != nil {
		return err
	}
	defer client.Close()
	d, err := l.newDevice(&device.CoAP{Client: client, Device: deviceName(i)}, cell.BlockSize)
	if err != nil {
		return err
	}
	result, err := d.Run(ctx)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("block size %d, RTT %g ms, loss %g: %w",
			cell.BlockSize, cell.RTTMs, cell.Loss, err)
	}
	if len(result.Violations) > 0 {
		return fmt.Errorf("the gateway broke a rule: %w", result.Violations[0])
	}
	cell.fill(result, client.Stats(), err == nil)
	cell.ExpectedS = float64(cell.Requests) * (cell.RTTMs/1e3 + wait(cell.Loss, l.AckTimeout))
	l.Progress(cell.String())
	return nil
}

func (l Link) newDevice(c *device.CoAP, size int) (*device.Device, error) {
	cfg := device.Config{
		Version: "0.9.0", MTU: uint32(size), BlockSize: size, Backoff: time.Second,
		Until: func(s device.State) bool { return s.Swaps > 0 },
	}
	if l.Mode == ModeWrite {
		return device.New(cfg, c)
	}
	return device.NewBlock(cfg, c)
}

// fill takes over what an update did.
func (c *Cell) fill(r device.Result, s device.ClientStats, finished bool) {
	c.MeasuredS, c.Bytes, c.Finished = r.Duration.Seconds(), r.Bytes, finished
	c.Requests, c.Retransmitted = s.Sent, s.Retransmitted
}
