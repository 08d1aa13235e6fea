package front

import "sync/atomic"

// Counts is what one front counts, since its start.
type Counts struct {
	*Complaints               // messages that were not accepted, by reason
	Requests    Requests      // answers, by resource and code
	Chunks      atomic.Uint64 // Writes and blocks of firmware sent
	ChunkBytes  atomic.Uint64 // firmware bytes in them
	Commands    atomic.Uint64 // commands of the upstream that devices were sent
	Answers     Histogram
	Extra       []Extra // what only this front counts; set before the front runs
}

// NewCounts returns counts of 0. The names of resources are those of the metrics;
// text writes a code as the protocol does. Refused messages go through c.
func NewCounts(c *Complaints, text func(code int) string, resources ...string) *Counts {
	return &Counts{Complaints: c, Requests: Requests{
		resources: resources, text: text, counts: make([][maxCode + 1]atomic.Uint64, len(resources)),
	}}
}

// Chunk counts a chunk of firmware.
func (c *Counts) Chunk(bytes int) {
	c.Chunks.Add(1)
	c.ChunkBytes.Add(uint64(bytes))
}

// Extra is a metric that only one front has, or one network of it.
type Extra struct {
	Name   string // without the prefix gateway_; of a counter, it ends in _total
	Help   string // the same for all of one name
	Gauge  bool   // it can shrink; else it is a counter
	Labels []Label
	Value  func() float64
}

// Label is a label of a metric. A metric without any has the label protocol.
type Label struct{ Name, Value string }

// Counter returns the metric of a counter.
func Counter(name, help string, n *atomic.Uint64, labels ...Label) Extra {
	return Extra{Name: name, Help: help, Labels: labels, Value: func() float64 { return float64(n.Load()) }}
}

// Gauge returns the metric of what value tells.
func Gauge(name, help string, value func() float64, labels ...Label) Extra {
	return Extra{Name: name, Help: help, Gauge: true, Labels: labels, Value: value}
}
