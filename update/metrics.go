package update

import "havn/metric"

// Metrics returns what the engine counts, and how many devices are in each state.
func (e *Engine) Metrics() []metric.Metric {
	all := append(e.rows.Stats().Metrics(), e.releases.Stats().Metrics()...)
	for state, n := range e.Count() {
		all = append(all, metric.Gauge("devices", "Devices, by state.", float64(n),
			metric.Label{Name: "state", Value: string(state)}))
	}
	return all
}
