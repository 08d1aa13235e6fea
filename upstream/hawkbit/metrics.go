package hawkbit

import "havn/metric"

// Metrics describes the counters.
func (s *Stats) Metrics() []metric.Metric {
	return []metric.Metric{
		metric.Counter("hawkbit_polls_total", "Questions to hawkBit what a controller is assigned.", s.Polls.Load()),
		metric.Counter("hawkbit_poll_failures_total", "Questions to hawkBit that got no usable answer.",
			s.PollFailures.Load()),
		metric.Counter("hawkbit_feedback_total", "Reports to hawkBit of how an action goes.", s.Feedback.Load()),
		metric.Counter("hawkbit_feedback_failures_total", "Reports to hawkBit that it did not take.",
			s.FeedbackFailures.Load()),
		metric.Counter("hawkbit_resumed_total", "Downloads from hawkBit that broke off and were resumed.",
			s.Resumed.Load()),
	}
}

// Metrics returns what the source counts.
func (s *Source) Metrics() []metric.Metric { return s.stats.Metrics() }
