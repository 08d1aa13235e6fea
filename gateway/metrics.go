package gateway

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"havn/front"
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("gateway_"+name, help, labels, nil)
}

var (
	descRequests  = desc("requests_total", "Requests answered, by code.", "protocol", "resource", "code")
	descChunks    = desc("chunks_total", "Firmware chunks sent to devices.", "protocol")
	descBytes     = desc("chunk_bytes_total", "Firmware bytes in those chunks.", "protocol")
	descRejected  = desc("rejected_total", "Messages refused as bad input.", "protocol", "reason")
	descAnswer    = desc("answer_seconds", "Time from receipt of a message to its answer.", "protocol")
	descCommands  = desc("commands_total", "Commands of the upstream for devices, by result.", "result")
	descWaiting   = desc("commands_waiting", "Commands that wait for their devices.")
	descSpooled   = desc("spool_events", "Events that wait for the upstream.")
	descDropped   = desc("spool_dropped_total", "Events given up because the spool was full.")
	descForwarded = desc("forwarded_total", "Events sent upstream, by result.", "result")
	descHits      = desc("cache_hits_total", "Images found, by tier.", "tier")
	descMisses    = desc("cache_misses_total", "Images asked for that were not in memory.")
	descHeld      = desc("cache_bytes", "Bytes of images held, by tier.", "tier")
	descCorrupt   = desc("cache_corrupt_total", "Image files found damaged and fetched again.")
	descRefused   = desc("cache_refused_total", "Image files that the disk did not take.")
	descFetches   = desc("fetches_total", "Downloads of images.", "source", "result")
	descDevices   = desc("devices", "Devices, by state.", "state")
	descResolve   = desc("resolve_failures_total", "Lookups of desired firmware that failed.")
	descLearned   = desc("learned_names_total", "Versions learned as other names of an image.")
	descEvicted   = desc("devices_evicted_total", "Rows dropped because the device table was full.")
	descFlush     = desc("store_failures_total", "Writes of device rows that failed and were repeated.")
	descJobs      = desc("jobs_dropped_total", "Background lookups dropped because too many were waiting.")
)

// collector renders the counters of all parts. It implements
// prometheus.Collector.
type collector struct{ g *Gateway }

// Describe sends nothing: the collector is unchecked, since labels appear as
// they are first used.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	c.fronts(ch)
	c.cache(ch)
	c.engine(ch)
	c.upstream(ch)
	c.commands(ch)
}

func counter(ch chan<- prometheus.Metric, d *prometheus.Desc, n uint64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, n float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n, labels...)
}

// fronts renders what the device fronts count.
func (c collector) fronts(ch chan<- prometheus.Metric) {
	for protocol, t := range front.Sum(c.g.fronts) {
		for r, n := range t.Requests {
			counter(ch, descRequests, n, protocol, r.Resource, r.Code)
		}
		for why, n := range t.Rejected {
			counter(ch, descRejected, n, protocol, string(why))
		}
		counter(ch, descChunks, t.Chunks, protocol)
		counter(ch, descBytes, t.ChunkBytes, protocol)
		ch <- histogram(descAnswer, &t.Answers, protocol)
	}
	for _, f := range c.g.fronts {
		for _, e := range f.Counts().Extra {
			extra(ch, f.Name(), &e)
		}
	}
}

// extra renders what only one front counts.
func extra(ch chan<- prometheus.Metric, protocol string, e *front.Extra) {
	labels, values := []string{"protocol"}, []string{protocol}
	if len(e.Labels) > 0 {
		labels, values = nil, nil
	}
	for _, l := range e.Labels {
		labels, values = append(labels, l.Name), append(values, l.Value)
	}
	kind := prometheus.CounterValue
	if e.Gauge {
		kind = prometheus.GaugeValue
	}
	ch <- prometheus.MustNewConstMetric(desc(e.Name, e.Help, labels...), kind, e.Value(), values...)
}

// histogram renders h; its buckets are not cumulative, Prometheus's are.
func histogram(d *prometheus.Desc, h *front.Histogram, labels ...string) prometheus.Metric {
	buckets, n := map[float64]uint64{}, uint64(0)
	for i, bound := range front.AnswerBounds {
		n += h.Buckets[i].Load()
		buckets[bound.Seconds()] = n
	}
	n += h.Buckets[len(front.AnswerBounds)].Load()
	sum := time.Duration(h.Sum.Load()).Seconds()
	return prometheus.MustNewConstHistogram(d, n, sum, buckets, labels...)
}

func (c collector) cache(ch chan<- prometheus.Metric) {
	s := c.g.cache.Stats()
	counter(ch, descHits, s.Hits.Memory, "memory")
	counter(ch, descHits, s.Hits.Disk, "disk")
	counter(ch, descMisses, s.Misses)
	gauge(ch, descHeld, float64(s.Bytes.Memory), "memory")
	gauge(ch, descHeld, float64(s.Bytes.Disk), "disk")
	counter(ch, descCorrupt, s.Corrupt)
	counter(ch, descRefused, s.Refused)
	for f, n := range s.Fetches {
		counter(ch, descFetches, n, f.Source, f.Result)
	}
}

func (c collector) upstream(ch chan<- prometheus.Metric) {
	cloud := &c.g.cloud
	if cloud.forwarder == nil {
		return
	}
	spooled, sent := cloud.spool.Stats(), cloud.forwarder.Stats()
	gauge(ch, descSpooled, float64(spooled.Events))
	counter(ch, descDropped, spooled.DroppedAll()+sent.Lost.Load())
	counter(ch, descForwarded, sent.Delivered.Load(), "delivered")
	counter(ch, descForwarded, sent.Rejected.Load(), "rejected")
	counter(ch, descForwarded, sent.Failed.Load(), "failed")
}

// commands renders what became of the commands of the upstream, on whatever front.
func (c collector) commands(ch chan<- prometheus.Metric) {
	inbox, delivered, refused := c.g.cloud.inbox, uint64(0), uint64(0)
	for _, e := range c.g.cloud.endpoints {
		refused += e.Stats().Foreign.Load()
	}
	for _, t := range front.Sum(c.g.fronts) {
		delivered += t.Commands
		refused += t.Rejected[front.BadCommand]
	}
	gauge(ch, descWaiting, float64(inbox.Waiting()))
	counter(ch, descCommands, delivered, "delivered")
	counter(ch, descCommands, refused, "refused")
	counter(ch, descCommands, inbox.Stats().Expired.Load(), "expired")
	counter(ch, descCommands, inbox.Stats().Dropped.Load(), "dropped")
}

func (c collector) engine(ch chan<- prometheus.Metric) {
	e := c.g.engine
	for state, n := range e.Count() {
		gauge(ch, descDevices, float64(n), string(state))
	}
	s, releases := e.Rows().Stats(), e.Releases().Stats()
	counter(ch, descResolve, releases.ResolveFailures.Load())
	counter(ch, descLearned, releases.LearnedNames.Load())
	counter(ch, descEvicted, s.EvictedRows.Load())
	counter(ch, descFlush, s.FlushFailures.Load()+s.ReportFailures.Load())
	counter(ch, descJobs, releases.DroppedJobs.Load())
}

// chunks returns the chunks sent so far, by protocol.
func (g *Gateway) chunks() map[string]uint64 {
	all := map[string]uint64{}
	for protocol, t := range front.Sum(g.fronts) {
		all[protocol] = t.Chunks
	}
	return all
}

// rateInterval is the time over which the summary averages.
const rateInterval = 5 * time.Second

// rates turns counters into rates.
type rates struct {
	mu        sync.Mutex
	perSecond map[string]float64
}

func (r *rates) run(ctx context.Context, read func() map[string]uint64) error {
	tick := time.NewTicker(rateInterval)
	defer tick.Stop()
	last := read()
	r.set(last, last)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			next := read()
			r.set(last, next)
			last = next
		}
	}
}

func (r *rates) set(last, next map[string]uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.perSecond = map[string]float64{}
	for name, n := range next {
		r.perSecond[name] = float64(n-last[name]) / rateInterval.Seconds()
	}
}

// now returns the rates of the last full interval.
func (r *rates) now() map[string]float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.perSecond)
}
