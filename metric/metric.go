package metric

// Prefix is the beginning of the names of all metrics.
const Prefix = "gateway_"

// Metric is one number at this moment.
type Metric struct {
	Name   string // without Prefix
	Help   string
	Gauge  bool // the value can shrink; else the metric is a counter
	Labels []Label
	Value  float64
}

// Label is a label of a metric.
type Label struct{ Name, Value string }

// Counter returns the metric of a number that only grows. The name ends in
// _total.
func Counter(name, help string, n uint64, labels ...Label) Metric {
	return Metric{Name: name, Help: help, Labels: labels, Value: float64(n)}
}

// Gauge returns the metric of a number that can shrink.
func Gauge(name, help string, value float64, labels ...Label) Metric {
	return Metric{Name: name, Help: help, Gauge: true, Labels: labels, Value: value}
}

// Switch returns the gauge of something that is on, 1, or off, 0.
func Switch(name, help string, on bool, labels ...Label) Metric {
	value := 0.0
	if on {
		value = 1
	}
	return Gauge(name, help, value, labels...)
}

// Meter is a part of the gateway that counts.
type Meter interface {
	// Metrics returns the metrics of the part at this moment.
	Metrics() []Metric
}
