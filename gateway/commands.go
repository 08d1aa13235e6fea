package gateway

import (
	"log/slog"
	"slices"

	"havn/dfu"
	"havn/front"
	"havn/telemetry"
	"havn/upstream/drogue"
)

// firmwareCommand is the name of the commands that an update server in the cloud
// sends. Devices have their firmware from this gateway alone: chunks of two
// servers would mix.
const firmwareCommand = "dfu"

// command takes a command that the cloud sent. It waits for its device; those
// that a LoRaWAN network reaches get it at once.
func (g *Gateway) command(c drogue.Command) {
	dev := dfu.Device{Application: c.Application, Name: c.Device}
	log := g.log.With(slog.String("app", c.Application), slog.String("device", c.Device),
		slog.String("command", c.Name))
	switch {
	case g.speaksAs(dev):
		log.Debug("a command for the gateway device itself is ignored")
		return
	case c.Name == firmwareCommand:
		g.cloud.foreign.Add(1)
		g.cloud.foreignLog.Do(func() {
			log.Warn("a firmware command of the cloud was dropped; stop the update server there")
		})
		return
	}
	g.cloud.inbox.Put(dev, telemetry.Command{Name: c.Name, Payload: c.Payload})
	for _, f := range g.fronts {
		if reaches, ok := f.(front.Waker); ok {
			reaches.Wake(dev)
		}
	}
}

// speaksAs reports whether dev is the gateway device of its application.
func (g *Gateway) speaksAs(dev dfu.Device) bool {
	return slices.ContainsFunc(g.cfg.Upstream.Drogue.Endpoints, func(e drogue.Endpoint) bool {
		return e.Application == dev.Application && e.Device == dev.Name
	})
}

// upstream is where the device fronts hand telemetry to and have commands from.
func (g *Gateway) upstream() telemetry.Upstream {
	up := telemetry.Upstream{Commands: g.cloud.inbox.Take}
	if g.cloud.publisher != nil {
		up.Telemetry = g.cloud.forwarder.Telemetry
	}
	return up
}
