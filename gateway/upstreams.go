package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"havn/dfu"
	"havn/firmware"
	"havn/status"
	"havn/telemetry"
	"havn/upstream"
	"havn/upstream/drogue"
	"havn/upstream/spool"
)

// cloud is all that speaks to the upstream. Its zero value is a gateway on its own.
type cloud struct {
	registry  *drogue.Registry    // nil: none
	publisher *drogue.Publisher   // nil: none
	forwarder *upstream.Forwarder // nil: nobody to forward to
	spool     *spool.Spool
	inbox     *telemetry.Inbox

	foreign    atomic.Uint64 // firmware commands of the cloud
	foreignLog rate.Sometimes
}

// foreignPace is how often firmware commands of the cloud are logged.
const foreignPace = 10 * time.Second

// openCloud makes the parts of the upstream that are configured. The engine
// comes later and is told of changes through g.
func (g *Gateway) openCloud() (err error) {
	cfg := g.cfg.Upstream
	g.cloud.inbox, g.cloud.foreignLog.Interval = telemetry.NewInbox(g.log), foreignPace
	if cfg.Drogue.Registry.URL != "" {
		g.cloud.registry, err = drogue.NewRegistry(cfg.Drogue, drogue.Parts{
			Store:      g.store.Documents(),
			Changed:    func(dev dfu.Device) { g.engine.Reassign(dev) },
			MaxDevices: g.cfg.Devices.Max, Log: g.log,
		})
		if err != nil {
			return err
		}
	}
	if len(cfg.Drogue.Endpoints) > 0 {
		if g.cloud.publisher, err = drogue.NewPublisher(cfg.Drogue, g.command, g.log); err != nil {
			return err
		}
	}
	publishers := g.publishers()
	if len(publishers) == 0 {
		return nil
	}
	g.cloud.spool, err = spool.Open(g.cfg.Data, cfg.Spool, upstream.Names(publishers), g.log)
	if err != nil {
		return err
	}
	g.cloud.forwarder = upstream.New(g.cloud.spool, publishers, g.log)
	return nil
}

// publishers returns one publisher for each place that events go to: each has a
// queue of its own, so that one that is away holds up no other.
func (g *Gateway) publishers() (all []upstream.Publisher) {
	for _, e := range g.cfg.Upstream.Drogue.Endpoints {
		all = append(all, &events{g.cloud.publisher, e.Application, g.cfg.Upstream.Drogue.Channel})
	}
	if g.cloud.registry != nil {
		all = append(all, statuses{g.cloud.registry})
	}
	if g.hawkbit != nil {
		desired := func(dev dfu.Device) (firmware.Spec, error) { return g.desired.Desired(dev) } // made later
		all = append(all, actions{g.hawkbit, desired})
	}
	return all
}

// reporter returns the forwarder as the engine wants it: nil where there is none.
func (c *cloud) reporter() status.Reporter {
	if c.forwarder == nil {
		return nil
	}
	return c.forwarder
}

// directory returns the registry as the engine wants it: nil where there is none.
func (c *cloud) directory() firmware.Directory {
	if c.registry == nil {
		return nil
	}
	return c.registry
}

// refresh asks and tells the cloud again now, also where it was found away: an
// operator who has mended something does not wait for the next turn.
func (c *cloud) refresh() {
	if c.registry != nil {
		c.registry.Refresh()
	}
	if c.publisher != nil {
		c.publisher.Retry()
	}
	if c.forwarder != nil {
		c.forwarder.Retry()
	}
}

// owedPace is how often devices are reported anew whose newest status an upstream
// refused, or that the spool had no room for: somebody may have mended that.
const owedPace = time.Hour

// reportOwed reports them until ctx ends.
func (g *Gateway) reportOwed(ctx context.Context) error {
	tick := time.NewTicker(owedPace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			g.reportAgain()
		}
	}
}

// reportAgain reports what some upstream is owed.
func (g *Gateway) reportAgain() {
	if g.cloud.spool == nil {
		return
	}
	devices, err := g.cloud.spool.Owed()
	if err != nil {
		g.log.Error("devices whose status was refused are not reported anew", slog.Any("error", err))
	}
	g.engine.ReportAgain(devices)
}

// run runs what is there, until ctx ends.
func (c *cloud) run(ctx context.Context, start func(func() error)) {
	if c.registry != nil {
		start(func() error { return c.registry.Run(ctx) })
	}
	if c.publisher != nil {
		start(func() error { return c.publisher.Run(ctx) })
	}
	if c.forwarder != nil {
		start(func() error { return c.forwarder.Run(ctx) })
	}
}

// summary is the upstream at a glance.
func (c *cloud) summary() map[string]uint64 {
	if c.forwarder == nil {
		return map[string]uint64{}
	}
	return map[string]uint64{
		"waiting": uint64(c.spool.Stats().Events), "delivered": c.forwarder.Stats().Delivered.Load(),
		"rejected": c.forwarder.Stats().Rejected.Load(),
	}
}

// events publishes status events and telemetry of one application through its
// gateway device.
type events struct {
	publisher   *drogue.Publisher
	application string
	channel     string // of status events
}

// Name implements upstream.Publisher.
func (p *events) Name() string { return "drogue " + p.application }

// Accepts implements upstream.Publisher.
func (p *events) Accepts(e *upstream.Event) bool { return e.Device.Application == p.application }

// Publish implements upstream.Publisher.
func (p *events) Publish(ctx context.Context, e *upstream.Event) error {
	contentType, body, err := e.Body()
	if err != nil {
		return fmt.Errorf("%w: %w", upstream.ErrRejected, err)
	}
	channel := p.channel
	if !e.IsStatus() {
		channel = e.Channel
	}
	return final(p.publisher.Publish(ctx, e.Device.Application, e.Device.Name, channel, contentType, body))
}

// statuses writes status.firmware of the devices in the registry.
type statuses struct{ registry *drogue.Registry }

// Name implements upstream.Publisher.
func (statuses) Name() string { return "registry" }

// Accepts implements upstream.Publisher.
func (statuses) Accepts(e *upstream.Event) bool { return e.IsStatus() }

// Publish implements upstream.Publisher.
func (p statuses) Publish(ctx context.Context, e *upstream.Event) error {
	return final(p.registry.WriteStatus(ctx, &e.Status))
}

// final marks the errors that repeating the same event does not mend.
func final(err error) error {
	if errors.Is(err, drogue.ErrRejected) || errors.Is(err, drogue.ErrDenied) {
		return fmt.Errorf("%w: %w", upstream.ErrRejected, err)
	}
	return err
}

// close releases the spool, and says when that fails: what is in it stays.
func (c *cloud) close(log *slog.Logger) {
	if c.spool == nil {
		return
	}
	if err := c.spool.Close(); err != nil {
		log.Error("spool not closed", slog.Any("error", err))
	}
}
