package upstream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"havn/bench"
	"havn/bench/backend"
	"havn/bench/report"
	"havn/gateway"
	"havn/upstream/drogue/droguetest"
)

// Benchmark measures what an update campaign costs upstream: the bytes and
// requests between the gateway and the servers that it speaks to.
type Benchmark struct {
	Devices int // that update
	Size    int // bytes of the firmware
	Chunk   int // bytes of a Write

	Progress func(line string) // is told of every part
}

// Bounds of a Benchmark.
const (
	maxCampaign       = 1000 // devices: each has a socket
	minChunk          = 16
	maxChunk          = 1024
	maxCampaignChunks = 2_000_000 // of all devices
)

// campaignTimeout bounds the whole: about 25 s are waiting for the gateway to
// tell the cloud, the rest is the machine's.
const campaignTimeout = 10 * time.Minute

// errBytes: what the relays counted is not what the servers did.
var errBytes = errors.New("bytes do not add up")

// Validate reports what makes no sense.
func (u Benchmark) Validate() error {
	switch {
	case u.Devices < 1 || u.Devices > maxCampaign:
		return fmt.Errorf("%w: %d devices: want 1 to %d", bench.ErrUsage, u.Devices, maxCampaign)
	case u.Chunk < minChunk || u.Chunk > maxChunk || u.Chunk%4 != 0:
		return fmt.Errorf("%w: Writes of %d bytes: want %d to %d, a multiple of 4",
			bench.ErrUsage, u.Chunk, minChunk, maxChunk)
	case u.Size < 1 || u.Size > bench.MaxSize:
		return fmt.Errorf("%w: firmware of %d bytes: want 1 to %d", bench.ErrUsage, u.Size, bench.MaxSize)
	case u.chunks()*u.Devices > maxCampaignChunks:
		return fmt.Errorf("%w: %d Writes to %d devices each: want at most %d in all",
			bench.ErrUsage, u.chunks(), u.Devices, maxCampaignChunks)
	}
	return nil
}

// chunks returns how many Writes bring the firmware to a device.
func (u Benchmark) chunks() int { return (u.Size + u.Chunk - 1) / u.Chunk }

// Run measures. It fails with bench.ErrFetches where the devices did not share one
// fetch of the firmware.
func (u Benchmark) Run(ctx context.Context) (*Report, error) {
	if err := u.Validate(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "gateway-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeoutCause(ctx, campaignTimeout,
		fmt.Errorf("the campaign was not over within %v", campaignTimeout))
	defer cancel()
	c := &campaign{Benchmark: u, meters: meters{}}
	if err := c.open(ctx, dir); err != nil {
		c.meters.close()
		return nil, err
	}
	defer c.backend.Close()
	r := &Report{Header: report.NewHeader(), Devices: u.Devices, Firmware: u.Size, Chunk: u.Chunk}
	measure := func(ctx context.Context) error { return c.measure(ctx, r) }
	return r, c.meters.during(ctx, measure)
}

// campaign is one run.
type campaign struct {
	Benchmark
	backend *backend.Backend
	meters  meters
	gateway *gateway.Gateway
	devices []*campaignDevice
}

// open makes the servers, the gateway and its devices. The gateway reaches the
// servers through the meters.
func (c *campaign) open(ctx context.Context, dir string) (err error) {
	if err := bench.Write(dir, bench.Firmware(c.Size)); err != nil {
		return err
	}
	local := bench.Local(dir)
	c.backend, err = backend.Start(ctx, backend.Options{
		Application: bench.Application, Firmware: local.Path, Version: local.Version, Via: c.meters.add,
	})
	if err != nil {
		return err
	}
	// Nothing is looked up again during the campaign: that is measured apart.
	yaml, err := c.backend.Configuration(dir, 2*campaignTimeout)
	if err == nil {
		c.gateway, err = bench.Open(dir, yaml+configuration, nil)
	}
	if err != nil {
		c.backend.Close()
	}
	return err
}

// progressEvery is the step of progress that the gateway tells, in percent: the
// default.
const progressEvery = 5

// configuration is the gateway's own part. Progress is told at each step, as in
// an update that takes longer than all the least intervals together.
var configuration = fmt.Sprintf(`  forward: {progress_every: %d, min_interval: 0s}
admin: {listen: "127.0.0.1:0"}
coap: {listen: "127.0.0.1:0"}
update: {retry: 1s}
`, progressEvery)

// measure fills r: the campaign, then what the gateway asks anyway.
func (c *campaign) measure(ctx context.Context, r *Report) error {
	c.Progress(fmt.Sprintf("%d devices update, and wait at each %d %% until the cloud was told",
		c.Devices, progressEvery))
	return bench.Live(ctx, func(ctx context.Context) (err error) {
		if err := c.update(ctx); err != nil {
			return err
		}
		if err := c.collect(ctx, r); err != nil {
			return err
		}
		c.Progress(fmt.Sprintf("updated, with %d events", r.Gateway.Events))
		r.Polling, err = c.poll(ctx)
		return err
	}, c.gateway.Run)
}

// update runs the devices, all at once.
func (c *campaign) update(ctx context.Context) error {
	for i := range c.Devices {
		d, err := c.newDevice(i)
		if err != nil {
			return err
		}
		defer d.client.Close()
		c.devices = append(c.devices, d)
	}
	running, updating := errgroup.WithContext(ctx)
	for _, d := range c.devices {
		running.Go(func() error { return d.update(updating, c.backend) })
	}
	if err := running.Wait(); err != nil {
		return err
	}
	_, err := c.backend.Settled(ctx, c.names())
	return err
}

func (c *campaign) names() (names []string) {
	for _, d := range c.devices {
		names = append(names, d.name.Name)
	}
	return names
}

// collect fills in what the campaign cost, once the servers have received all of
// it. Their own counts must be those of the meters.
func (c *campaign) collect(ctx context.Context, r *Report) error {
	if err := c.agreed(ctx); err != nil {
		return err
	}
	for _, d := range c.devices {
		r.Messages.add(d.messages)
	}
	r.Gateway = c.cost()
	if n := r.Gateway.BlobFetches; n != 1 {
		return fmt.Errorf("%w: %d devices, %d fetches", bench.ErrFetches, c.Devices, n)
	}
	return nil
}

// agreed waits until the servers have counted the bytes that the meters have.
func (c *campaign) agreed(ctx context.Context) error {
	for server, kind := range map[backend.Server]droguetest.Kind{
		backend.Registry: droguetest.Registry, backend.Endpoint: droguetest.MQTT,
	} {
		if err := c.agree(ctx, c.meters[server], kind); err != nil {
			return fmt.Errorf("%s: %w", server, err)
		}
	}
	return nil
}

// agree waits until a meter and the server behind it have counted the same.
func (c *campaign) agree(ctx context.Context, m *meter, kind droguetest.Kind) error {
	return eventually(ctx, func() error {
		n, got := c.backend.Cloud.Counters(kind), m.traffic()
		if server := (Traffic{n.Received, n.Sent}); got != server {
			return fmt.Errorf("%w: %+v, the server has counted %+v", errBytes, got, server)
		}
		return nil
	})
}

// eventually waits until done returns nil, for a second at most.
func eventually(ctx context.Context, done func() error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		err := done()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
