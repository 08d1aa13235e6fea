// Package metric is what parts of the gateway say of their counters.
//
// A part counts in a struct Stats and describes each counter of it in a method
// Metrics, which gateway/admin renders as /metrics. A test walks all structs
// of counters and fails where one is not described.
//
// Invariants:
//   - A name has one help text and one set of label names in the whole gateway.
//   - Two parts may count the same: values with the same name and labels are
//     added up.
//
// Sizes are bytes and times are seconds, which the name says. The names follow
// the conventions of Prometheus: base units, and counters end in _total.
package metric
