package endpoint

import (
	"log/slog"
	"time"

	"havn/dfu"
	"havn/telemetry"
	"havn/upstream/drogue"
)

// foreignPace is how often firmware commands of the cloud are logged.
const foreignPace = 10 * time.Second

// receive takes a command of the cloud. An empty device is the gateway device
// itself, which has nothing to do but to speak for others.
func (e *Endpoint) receive(device string, c telemetry.Command) {
	e.stats.Commands.Add(1)
	if device == "" {
		device = e.cfg.Device
	}
	log := e.log.With(slog.String("app", e.cfg.Application), slog.String("device", device),
		slog.String("command", c.Name))
	switch {
	case device == e.cfg.Device:
		log.Debug("a command for the gateway device itself is ignored")
	case c.Name == drogue.Firmware:
		e.stats.Foreign.Add(1)
		e.foreignLog.Do(func() {
			log.Warn("a firmware command of the cloud was dropped; stop the update server there")
		})
	default:
		e.commands(dfu.Device{Application: e.cfg.Application, Name: device}, c)
	}
}
