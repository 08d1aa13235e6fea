package gateway

import (
	"context"
	"log/slog"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/metric"
	"havn/status"
	"havn/telemetry"
	"havn/upstream"
	"havn/upstream/drogue/endpoint"
	"havn/upstream/drogue/registry"
	"havn/upstream/hawkbit"
	"havn/upstream/jsonl"
	"havn/upstream/spool"
)

// cloud is all that speaks to upstreams. Its zero value is a gateway on its own.
type cloud struct {
	registry  *registry.Registry   // nil: none
	endpoints []*endpoint.Endpoint // one for each application
	forwarder *upstream.Forwarder  // nil: nobody to forward to
	spool     *spool.Spool
	inbox     *telemetry.Inbox
}

// openCloud makes the parts of the upstreams that are configured. The engine
// comes later and is told of changes through g.
func (g *Gateway) openCloud() error {
	g.cloud.inbox = telemetry.NewInbox(g.log)
	publishers, err := g.publishers()
	if err != nil || len(publishers) == 0 {
		return err
	}
	g.cloud.spool, err = spool.Open(g.cfg.Data, g.cfg.Upstream.Spool, upstream.Names(publishers), g.log)
	if err != nil {
		return err
	}
	g.cloud.forwarder = upstream.New(g.cloud.spool, publishers, g.log)
	return nil
}

// publishers returns one publisher for each place that events go to: each has a
// queue of its own, so that one that is away holds up no other.
func (g *Gateway) publishers() (all []upstream.Publisher, err error) {
	cfg := g.cfg.Upstream.Drogue
	for _, at := range cfg.Endpoints {
		e, err := endpoint.New(at, cfg.Channel, endpoint.Parts{Commands: g.cloud.inbox.Put, Log: g.log})
		if err != nil {
			return nil, err
		}
		g.cloud.endpoints, all = append(g.cloud.endpoints, e), append(all, e)
	}
	if cfg.Registry.URL != "" {
		g.cloud.registry, err = registry.New(cfg, registry.Parts{
			Store:      g.store.Documents(),
			Kinds:      kinds,
			Changed:    func(dev dfu.Device) { g.engine.Reassign(dev) },
			MaxDevices: g.cfg.Devices.Max, Log: g.log,
		})
		if err != nil {
			return nil, err
		}
		all = append(all, g.cloud.registry)
	}
	if g.hawkbit != nil {
		desired := func(dev dfu.Device) (firmware.Spec, error) { return g.desired.Desired(dev) } // made later
		all = append(all, hawkbit.NewPublisher(g.hawkbit, desired))
	}
	if file := g.cfg.Upstream.File; file.Path != "" {
		all = append(all, jsonl.New(file))
	}
	return all, nil
}

// upstream is where the device fronts hand telemetry to and have commands from.
func (g *Gateway) upstream() telemetry.Upstream {
	up := telemetry.Upstream{Commands: g.cloud.inbox.Take}
	if len(g.cloud.endpoints) > 0 || g.cfg.Upstream.File.Path != "" {
		up.Telemetry = g.cloud.forwarder.Telemetry
	}
	return up
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
	g.engine.Rows().ReportAgain(devices)
}

// meters returns the parts that count.
func (c *cloud) meters() []metric.Meter {
	all := []metric.Meter{c.inbox}
	if c.forwarder != nil {
		all = append(all, c.forwarder, c.spool)
	}
	if c.registry != nil {
		all = append(all, c.registry)
	}
	for _, e := range c.endpoints {
		all = append(all, e)
	}
	return all
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
