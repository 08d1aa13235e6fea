package telemetry

import "havn/metric"

// CommandsMetric returns the metric of the commands that ended with a result.
func CommandsMetric(result string, n uint64) metric.Metric {
	return metric.Counter("commands_total", "Commands of the upstream for devices, by result.", n,
		metric.Label{Name: "result", Value: result})
}

// Metrics returns the metrics of the counters.
func (s *Stats) Metrics() []metric.Metric {
	return []metric.Metric{
		CommandsMetric("expired", s.Expired.Load()),
		CommandsMetric("dropped", s.Dropped.Load()),
	}
}

// Metrics implements metric.Meter.
func (i *Inbox) Metrics() []metric.Metric {
	waiting := metric.Gauge("commands_waiting", "Commands that wait for their devices.", float64(i.Waiting()))
	return append(i.stats.Metrics(), waiting)
}
