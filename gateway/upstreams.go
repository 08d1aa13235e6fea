package gateway

import (
	"context"
	"log/slog"
	"time"

	"havn/dfu"
	"havn/telemetry"
	"havn/upstream"
	"havn/upstream/drogue/endpoint"
	"havn/upstream/drogue/registry"
	"havn/upstream/jsonl"
	"havn/upstream/spool"
)

// openEndpoints makes a publisher for each application of Drogue Cloud. Each
// publisher has a queue of its own, so that one that is away holds up no other.
func (g *Gateway) openEndpoints() error {
	cfg := g.cfg.Upstream.Drogue
	for _, at := range cfg.Endpoints {
		e, err := endpoint.New(at, cfg.Channel, endpoint.Parts{Commands: g.inbox.Put, Log: g.log})
		if err != nil {
			return err
		}
		g.publishers, g.meters = append(g.publishers, e), append(g.meters, e)
	}
	return nil
}

// openRegistry makes the device registry of Drogue Cloud: a directory, and a
// publisher.
func (g *Gateway) openRegistry() error {
	if g.cfg.Upstream.Drogue.Registry.URL == "" {
		return nil
	}
	devices, err := registry.New(g.cfg.Upstream.Drogue, registry.Parts{
		Store: g.store.Documents(), Kinds: Kinds, MaxDevices: g.cfg.Devices.Max, Log: g.log,
		Changed: func(dev dfu.Device) { g.engine.Reassign(dev) }, // made later
	})
	if err != nil {
		return err
	}
	g.directory = devices
	g.publishers, g.meters = append(g.publishers, devices), append(g.meters, devices)
	return nil
}

// openEventFile makes the publisher that writes events to a file.
func (g *Gateway) openEventFile() error {
	if file := g.cfg.Upstream.File; file.Path != "" {
		g.publishers = append(g.publishers, jsonl.New(file))
	}
	return nil
}

// openForwarder makes the forwarder to all publishers.
func (g *Gateway) openForwarder() (err error) {
	if len(g.publishers) == 0 {
		return nil
	}
	g.spool, err = spool.Open(g.cfg.Data, g.cfg.Upstream.Spool, upstream.Names(g.publishers), g.log)
	if err != nil {
		return err
	}
	g.closes = append(g.closes, g.closeSpool)
	g.forwarder = upstream.New(g.spool, g.publishers, g.log)
	g.meters = append(g.meters, g.forwarder, g.spool)
	g.runs = append(g.runs, g.forwarder.Run, g.reportOwed)
	return nil
}

func (g *Gateway) closeSpool() {
	if err := g.spool.Close(); err != nil {
		g.log.Error("the spool was not closed; the events in it are kept", slog.Any("error", err))
	}
}

// upstream returns what the device fronts know of upstreams: where telemetry goes,
// and where commands come from.
func (g *Gateway) upstream() telemetry.Upstream {
	up := telemetry.Upstream{Commands: g.inbox.Take}
	if len(g.cfg.Upstream.Drogue.Endpoints) > 0 || g.cfg.Upstream.File.Path != "" {
		up.Telemetry = g.forwarder.Telemetry
	}
	return up
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
	devices, err := g.spool.Owed()
	if err != nil {
		g.log.Error("devices whose status was refused are not reported anew", slog.Any("error", err))
	}
	g.engine.Rows().ReportAgain(devices)
}
