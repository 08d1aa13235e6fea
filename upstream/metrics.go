package upstream

import "havn/metric"

// DroppedMetric returns the metric of events that are given up for want of room.
func DroppedMetric(n uint64) metric.Metric {
	return metric.Counter("spool_dropped_total", "Events given up because the spool was full.", n)
}

// Metrics describes the counters.
func (s *Stats) Metrics() []metric.Metric {
	sent := func(result string, n uint64) metric.Metric {
		return metric.Counter("forwarded_total", "Events sent upstream, by result.", n,
			metric.Label{Name: "result", Value: result})
	}
	return []metric.Metric{
		sent("delivered", s.Delivered.Load()),
		sent("rejected", s.Rejected.Load()),
		sent("failed", s.Failed.Load()),
		DroppedMetric(s.Lost.Load()),
	}
}

// Metrics returns what the forwarder counts.
func (f *Forwarder) Metrics() []metric.Metric { return f.stats.Metrics() }
