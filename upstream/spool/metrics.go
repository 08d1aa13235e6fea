package spool

import (
	"havn/metric"
	"havn/upstream"
)

// Metrics describes the counters.
func (s Stats) Metrics() []metric.Metric {
	return []metric.Metric{
		metric.Gauge("spool_events", "Events that wait for the upstream.", float64(s.Events)),
		metric.Gauge("spool_bytes", "Bytes of the events that wait for the upstream.", float64(s.Bytes)),
		metric.Gauge("spool_set_aside", "Events that the upstream refused and that are kept to be looked at.",
			float64(s.SetAside)),
		metric.Counter("spool_superseded_total", "Progress replaced by a newer status before it was sent.", s.Superseded),
		metric.Counter("spool_damaged_total", "Events that could not be read from the spool and were removed.", s.Damaged),
		upstream.DroppedMetric(s.DroppedAll()),
	}
}

// Metrics returns what the spool counts.
func (s *Spool) Metrics() []metric.Metric { return s.Stats().Metrics() }
