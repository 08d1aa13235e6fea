package front

import (
	"sync/atomic"

	"havn/metric"
	"havn/telemetry"
)

// Counts is what one front counts, since its start.
type Counts struct {
	*Complaints               // messages that were not accepted, by reason
	Requests    Requests      // answers, by resource and code
	Chunks      atomic.Uint64 // Writes and blocks of firmware sent
	ChunkBytes  atomic.Uint64 // firmware bytes in them
	Commands    atomic.Uint64 // commands of the upstream that devices were sent
	Answers     Histogram
	Extra       func() []metric.Metric // what only this front counts; nil: nothing
}

// Connections returns the gauge of the connections that a front has open.
func Connections(protocol string, n int64) metric.Metric {
	return metric.Gauge("connections", "Connections of devices.", float64(n),
		metric.Label{Name: "protocol", Value: protocol})
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

// Metrics returns what c counts in a front of the protocol, but for the times of
// answers.
func (c *Counts) Metrics(protocol string) []metric.Metric {
	of := metric.Label{Name: "protocol", Value: protocol}
	all := []metric.Metric{
		metric.Counter("chunks_total", "Firmware chunks sent to devices.", c.Chunks.Load(), of),
		metric.Counter("chunk_bytes_total", "Firmware bytes in the chunks sent to devices.", c.ChunkBytes.Load(), of),
		telemetry.CommandsMetric("delivered", c.Commands.Load()),
	}
	c.Requests.Each(func(r Request, n uint64) {
		all = append(all, metric.Counter("requests_total", "Requests answered, by code.", n, of,
			metric.Label{Name: "resource", Value: r.Resource}, metric.Label{Name: "code", Value: r.Code}))
	})
	c.Complaints.Each(func(why Reason, n uint64) {
		all = append(all, metric.Counter("rejected_total", "Messages not taken: bad input, or telemetry without an upstream.", n, of,
			metric.Label{Name: "reason", Value: string(why)}))
		if why == BadCommand {
			all = append(all, telemetry.CommandsMetric("refused", n))
		}
	})
	if c.Extra != nil {
		all = append(all, c.Extra()...)
	}
	return all
}
