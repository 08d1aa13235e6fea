package registry

import "havn/metric"

// Metrics describes the counters.
func (s *Stats) Metrics() []metric.Metric {
	return []metric.Metric{
		metric.Counter("registry_refreshes_total", "Applications read from the device registry.", s.Refreshes.Load()),
		metric.Counter("registry_events_total", "Changes that the device registry told of.", s.Events.Load()),
		metric.Counter("registry_bad_events_total", "Events of the device registry that could not be read.",
			s.BadEvents.Load()),
		metric.Counter("registry_dropped_questions_total", "Devices not asked for because too many were waiting.",
			s.DroppedQuestions.Load()),
		metric.Counter("registry_status_writes_total", "Writes of status.firmware to the device registry.",
			s.StatusWrites.Load()),
		metric.Counter("registry_conflicts_total", "Writes repeated because somebody else had written first.",
			s.Conflicts.Load()),
		metric.Switch("registry_away", "Whether the device registry does not answer.", s.Away.Load()),
	}
}

// Metrics returns what the registry counts.
func (r *Registry) Metrics() []metric.Metric {
	all := r.stats.Metrics()
	if r.events != nil {
		all = append(all, r.events.client.Stats().Metrics("integration")...)
	}
	return all
}
