// Package metric describes the counters of the gateway.
//
// A part of the gateway counts in a struct Stats, and returns each counter as a [Metric]
// from a method Metrics. Package gateway/admin renders all metrics at /metrics. A test
// walks the structs of counters and fails if a counter is in no metric.
//
// Invariants:
//   - A name has one help text and one set of label names in the whole gateway.
//   - Several parts may return a metric with the same name and labels: the values are
//     added up.
//
// Sizes are bytes and times are seconds; the unit is in the name of the metric.
//
// Specifications: the naming conventions of Prometheus: base units, and counters that end
// in _total.
package metric
