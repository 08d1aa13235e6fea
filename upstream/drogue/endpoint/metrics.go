package endpoint

import (
	"havn/metric"
	"havn/telemetry"
)

// Metrics describes the counters of the endpoint of an application.
func (s *Stats) Metrics(application string) []metric.Metric {
	return append(s.MQTT.Metrics("drogue "+application),
		metric.Counter("commands_received_total", "Commands that the upstream sent.", s.Commands.Load(),
			metric.Label{Name: "application", Value: application}),
		telemetry.CommandsMetric("refused", s.Foreign.Load()),
	)
}

// Metrics returns what the endpoint counts.
func (e *Endpoint) Metrics() []metric.Metric { return e.stats.Metrics(e.cfg.Application) }
