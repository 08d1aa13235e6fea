package gateway

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"havn/coap"
	"havn/dfu"
	fronthttp "havn/front/http"
	"havn/lorawan"
	"havn/update"
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
	descDups      = desc("duplicates_total", "Telemetry that came again and was answered as before.", "protocol")
	descCommands  = desc("commands_total", "Commands of the upstream for devices, by result.", "result")
	descWaiting   = desc("commands_waiting", "Commands that wait for their devices.")
	descSendErrs  = desc("send_errors_total", "Answers that the kernel did not take.", "protocol")
	descConns     = desc("connections", "Connections of devices.", "protocol")
	descLoraHeld  = desc("lorawan_held_total", "Statuses left unanswered because an answer may be queued.", "network")
	descConnected = desc("lorawan_connected", "Whether the network server's broker is connected.", "network")
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
	c.coap(ch)
	c.http(ch)
	c.lorawan(ch)
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

// front renders what all device fronts count alike.
func front(ch chan<- prometheus.Metric, p update.Protocol, chunks, bytes uint64, answers *update.Histogram) {
	counter(ch, descChunks, chunks, p.String())
	counter(ch, descBytes, bytes, p.String())
	ch <- histogram(descAnswer, answers, p.String())
}

func requests(ch chan<- prometheus.Metric, protocol string, counts []update.RequestCount) {
	for _, r := range counts {
		counter(ch, descRequests, r.N, protocol, r.Resource, r.Code)
	}
}

func (c collector) coap(ch chan<- prometheus.Metric) {
	protocol := update.CoAP.String()
	stats := c.g.handler.Stats()
	requests(ch, protocol, stats.Requests())
	for _, why := range coap.Reasons() {
		counter(ch, descRejected, stats.Rejected(why), protocol, why.String())
	}
	counter(ch, descSendErrs, stats.SendErrors.Load(), protocol)
	counter(ch, descDups, stats.Duplicates.Load(), protocol)
	front(ch, update.CoAP, stats.Chunks.Load(), stats.ChunkBytes.Load(), &stats.Answers)
}

func (c collector) http(ch chan<- prometheus.Metric) {
	protocol := update.HTTP.String()
	stats := c.g.httpHandler.Stats()
	requests(ch, protocol, stats.Requests())
	for _, why := range fronthttp.Reasons() {
		counter(ch, descRejected, stats.Rejected(why), protocol, why.String())
	}
	gauge(ch, descConns, float64(stats.Connections.Load()), protocol)
	front(ch, update.HTTP, stats.Chunks.Load(), stats.ChunkBytes.Load(), &stats.Answers)
}

// lorawan renders the sum over all networks: few sites have two.
func (c collector) lorawan(ch chan<- prometheus.Metric) {
	protocol := update.LoRaWAN.String()
	var answers update.Histogram
	var chunks, bytes, taken uint64
	rejected, ops := map[lorawan.Rejection]uint64{}, map[dfu.Op]uint64{}
	for _, n := range c.g.lorawan {
		stats := n.Stats()
		for _, why := range lorawan.Rejections() {
			rejected[why] += stats.Rejected(why)
		}
		for op := dfu.OpWait; op <= dfu.OpSwap; op++ {
			ops[op] += stats.Answered(op)
		}
		taken += stats.Telemetry.Load()
		chunks, bytes = chunks+stats.Chunks.Load(), bytes+stats.ChunkBytes.Load()
		answers.Add(&stats.Answers)
		counter(ch, descLoraHeld, stats.Held.Load(), n.Name())
		gauge(ch, descConnected, connected(n), n.Name())
	}
	for why, n := range rejected {
		counter(ch, descRejected, n, protocol, why.String())
	}
	for op, n := range ops {
		counter(ch, descRequests, n, protocol, "dfu", op.String())
	}
	counter(ch, descRequests, taken, protocol, "telemetry", "unanswered")
	front(ch, update.LoRaWAN, chunks, bytes, &answers)
}

func connected(n loraNetwork) float64 {
	if n.Connected() {
		return 1
	}
	return 0
}

// histogram renders h; its buckets are not cumulative, Prometheus's are.
func histogram(d *prometheus.Desc, h *update.Histogram, labels ...string) prometheus.Metric {
	buckets, n := map[float64]uint64{}, uint64(0)
	for i, bound := range update.AnswerBounds {
		n += h.Buckets[i].Load()
		buckets[bound.Seconds()] = n
	}
	n += h.Buckets[len(update.AnswerBounds)].Load()
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
	coap, http, inbox := c.g.handler.Stats(), c.g.httpHandler.Stats(), c.g.cloud.inbox
	delivered := coap.Commands.Load() + http.Commands.Load()
	refused := coap.Unfit.Load()
	for _, e := range c.g.cloud.endpoints {
		refused += e.Stats().Foreign.Load()
	}
	for _, n := range c.g.lorawan {
		delivered += n.Stats().Commands.Load()
		refused += n.Stats().Rejected(lorawan.BadCommand)
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
	s, releases := e.Stats(), e.Releases().Stats()
	counter(ch, descResolve, releases.ResolveFailures.Load())
	counter(ch, descLearned, releases.LearnedNames.Load())
	counter(ch, descEvicted, s.EvictedRows.Load())
	counter(ch, descFlush, s.FlushFailures.Load()+s.ReportFailures.Load())
	counter(ch, descJobs, releases.DroppedJobs.Load())
}

// chunks returns the chunks sent so far, by protocol.
func (g *Gateway) chunks() map[string]uint64 {
	var radio uint64
	for _, n := range g.lorawan {
		radio += n.Stats().Chunks.Load()
	}
	return map[string]uint64{
		update.CoAP.String():    g.handler.Stats().Chunks.Load(),
		update.HTTP.String():    g.httpHandler.Stats().Chunks.Load(),
		update.LoRaWAN.String(): radio,
	}
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
