package update

import "havn/metric"

// Metrics describes the counters.
func (s *Stats) Metrics() []metric.Metric {
	return []metric.Metric{
		metric.Counter("devices_evicted_total", "Rows dropped because the device table was full.", s.EvictedRows.Load()),
		metric.Counter("store_failures_total", "Writes of device rows that failed and were repeated.",
			s.FlushFailures.Load()),
		metric.Counter("report_failures_total", "Reports to the upstream that the spool did not take and that were repeated.",
			s.ReportFailures.Load()),
	}
}

// Metrics returns what the engine counts, and how many devices are in each state.
func (e *Engine) Metrics() []metric.Metric {
	all := append(e.stats.Metrics(), e.releases.Stats().Metrics()...)
	for state, n := range e.Count() {
		all = append(all, metric.Gauge("devices", "Devices, by state.", float64(n),
			metric.Label{Name: "state", Value: string(state)}))
	}
	return all
}
