package release

import "havn/metric"

// Metrics describes the counters.
func (s *Stats) Metrics() []metric.Metric {
	return []metric.Metric{
		metric.Counter("resolve_failures_total", "Lookups of desired firmware that failed.", s.ResolveFailures.Load()),
		metric.Counter("learned_names_total", "Versions learned as other names of an image.", s.LearnedNames.Load()),
		metric.Counter("jobs_dropped_total", "Background lookups dropped because too many were waiting.",
			s.DroppedJobs.Load()),
	}
}
