package mqtt

import "havn/metric"

// Metrics describes the counters of a session.
func (s *Stats) Metrics(session string) []metric.Metric {
	of := metric.Label{Name: "session", Value: session}
	return []metric.Metric{
		metric.Counter("mqtt_connections_total", "Connections made to brokers.", s.Connections.Load(), of),
		metric.Counter("mqtt_failures_total", "Failures to connect to brokers, to stay connected or to subscribe.",
			s.Failures.Load(), of),
		metric.Counter("mqtt_takeovers_total", "Connections to brokers lost to another client with the same identity.",
			s.Takeovers.Load(), of),
		metric.Counter("mqtt_retained_total", "Messages ignored because the broker had retained them.",
			s.Retained.Load(), of),
	}
}
