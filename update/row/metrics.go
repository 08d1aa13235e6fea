package row

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
