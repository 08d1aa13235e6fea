package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"havn/bench/backend"
	"havn/gateway"
	"havn/gateway/config"
	"havn/upstream/drogue/droguetest"
)

// Upstream measures what an update campaign costs upstream: for this gateway,
// and for the design that it replaces, an update service in the cloud that is
// asked for each chunk.
type Upstream struct {
	Devices int // that update
	Size    int // bytes of the firmware
	Chunk   int // bytes of a Write

	Progress func(line string) // is told of every part
}

// Bounds of Upstream.
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
func (u Upstream) Validate() error {
	switch {
	case u.Devices < 1 || u.Devices > maxCampaign:
		return fmt.Errorf("%w: %d devices: want 1 to %d", ErrUsage, u.Devices, maxCampaign)
	case u.Chunk < minChunk || u.Chunk > maxChunk || u.Chunk%4 != 0:
		return fmt.Errorf("%w: Writes of %d bytes: want %d to %d, a multiple of 4",
			ErrUsage, u.Chunk, minChunk, maxChunk)
	case u.Size < 1 || u.Size > maxSize:
		return fmt.Errorf("%w: firmware of %d bytes: want 1 to %d", ErrUsage, u.Size, maxSize)
	case u.chunks()*u.Devices > maxCampaignChunks:
		return fmt.Errorf("%w: %d Writes to %d devices each: want at most %d in all",
			ErrUsage, u.chunks(), u.Devices, maxCampaignChunks)
	}
	return nil
}

// chunks returns how many Writes bring the firmware to a device.
func (u Upstream) chunks() int { return (u.Size + u.Chunk - 1) / u.Chunk }

// Run measures. It fails with ErrFetches where the devices did not share one
// fetch of the firmware.
func (u Upstream) Run(ctx context.Context) (*UpstreamReport, error) {
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
	c := &campaign{Upstream: u, meters: meters{}}
	if err := c.open(ctx, dir); err != nil {
		c.meters.close()
		return nil, err
	}
	defer c.backend.Close()
	r := &UpstreamReport{
		Header: newHeader(), Devices: u.Devices, Firmware: u.Size, Chunk: u.Chunk,
		Waiting: u.waiting(),
	}
	return r, c.meters.during(ctx, func(ctx context.Context) error { return c.measure(ctx, r) })
}

// campaign is one run.
type campaign struct {
	Upstream
	backend *backend.Backend
	meters  meters
	cfg     config.Config
	gateway *gateway.Gateway
	devices []*campaignDevice
}

// open makes the servers, the gateway and its devices. The gateway reaches the
// servers through the meters.
func (c *campaign) open(ctx context.Context, dir string) (err error) {
	path := filepath.Join(dir, "firmware.bin")
	if err := os.WriteFile(path, madeUp(c.Size), 0o600); err != nil {
		return err
	}
	c.backend, err = backend.Start(ctx, backend.Options{
		Application: application, Firmware: path, Version: newVersion, Via: c.meters.add,
	})
	if err != nil {
		return err
	}
	service := strings.TrimPrefix(c.backend.Cloud.IntegrationURL, "mqtt://")
	if _, err = c.meters.add(integration, service); err == nil {
		err = c.configure(dir)
	}
	if err == nil {
		log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
		c.gateway, err = gateway.New(c.cfg, nil, log)
	}
	if err != nil {
		c.backend.Close()
	}
	return err
}

// configure makes the gateway one as operators run it, but that progress is
// always told at its step, as in an update that takes longer than all the least
// intervals together, and that nothing is looked up again: that is measured
// apart.
func (c *campaign) configure(dir string) error {
	c.cfg = config.Default()
	c.cfg.Data = filepath.Join(dir, "data")
	c.cfg.Admin.Listen, c.cfg.CoAP.Listen = "", "127.0.0.1:0"
	c.cfg.Update.Retry = time.Second
	c.cfg.Upstream.Forward.MinInterval = 0
	if err := c.backend.Configure(&c.cfg, dir); err != nil {
		return err
	}
	c.cfg.Firmware.Refresh = 2 * campaignTimeout
	c.cfg.Upstream.Drogue.Registry.Refresh = 2 * campaignTimeout
	return nil
}

// measure fills r: the campaign, then the design without a gateway, then what
// the gateway asks anyway.
func (c *campaign) measure(ctx context.Context, r *UpstreamReport) error {
	c.Progress(fmt.Sprintf("%d devices update, and wait at each %d %% until the cloud was told",
		c.Devices, c.cfg.Upstream.Forward.ProgressEvery))
	if err := c.live(ctx); err != nil {
		return err
	}
	if err := c.collect(ctx, r); err != nil {
		return err
	}
	c.Progress(fmt.Sprintf("updated, with %d events; "+
		"now as an update service in the cloud would do it", r.Gateway.Events))
	var err error
	if r.Cloud, err = c.cloud(ctx, r.Messages); err != nil {
		return fmt.Errorf("update service in the cloud: %w", err)
	}
	r.Polling, err = c.poll(ctx)
	return err
}

// live runs the gateway until all devices are updated and the cloud knows.
func (c *campaign) live(ctx context.Context) error {
	parts, ctx := errgroup.WithContext(ctx)
	ctx, stop := context.WithCancel(ctx)
	parts.Go(func() error { return c.gateway.Run(ctx) })
	updated := c.update(ctx)
	stop()
	if err := parts.Wait(); err != nil {
		return err // the cause of whatever was not updated
	}
	return updated
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

// collect takes over what the campaign cost, once the servers have got all of
// it: what they counted themselves has to be the same.
func (c *campaign) collect(ctx context.Context, r *UpstreamReport) error {
	for server, kind := range map[backend.Server]droguetest.Kind{
		backend.Registry: droguetest.Registry, backend.Endpoint: droguetest.MQTT,
	} {
		if err := c.agree(ctx, c.meters[server], kind); err != nil {
			return fmt.Errorf("%s: %w", server, err)
		}
	}
	for _, d := range c.devices {
		r.Messages.add(d.messages)
	}
	r.Gateway = c.cost()
	if n := r.Gateway.BlobFetches; n != 1 {
		return fmt.Errorf("%w: %d devices, %d fetches", ErrFetches, c.Devices, n)
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
