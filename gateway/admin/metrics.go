package admin

import (
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"havn/front"
	"havn/metric"
)

// metricsHandler serves what meters and fronts count, and the Go runtime.
func metricsHandler(meters []metric.Meter, fronts []front.Front) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{meters, fronts}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// collector renders the counters of all parts. It implements
// prometheus.Collector.
type collector struct {
	meters []metric.Meter
	fronts []front.Front
}

// Describe sends nothing: the collector is unchecked, since labels appear as
// they are first used.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	sums := sums{}
	for _, m := range c.meters {
		sums.add(m.Metrics())
	}
	answers := map[string]*front.Histogram{}
	for _, f := range c.fronts {
		sums.add(f.Counts().Metrics(f.Name()))
		if answers[f.Name()] == nil {
			answers[f.Name()] = &front.Histogram{}
		}
		answers[f.Name()].Add(&f.Counts().Answers)
	}
	for _, m := range sums {
		ch <- rendered(m)
	}
	for protocol, h := range answers {
		ch <- histogram(h, protocol)
	}
}

// sums adds up what several parts count alike, by name and labels.
type sums map[string]*metric.Metric

func (s sums) add(metrics []metric.Metric) {
	for _, m := range metrics {
		key := m.Name
		for _, l := range m.Labels {
			key += "\x00" + l.Name + "\x00" + l.Value
		}
		if same := s[key]; same != nil {
			same.Value += m.Value
			continue
		}
		s[key] = &m
	}
}

func rendered(m *metric.Metric) prometheus.Metric {
	var names, values []string
	for _, l := range m.Labels {
		names, values = append(names, l.Name), append(values, strings.ToValidUTF8(l.Value, "\uFFFD"))
	}
	kind := prometheus.CounterValue
	if m.Gauge {
		kind = prometheus.GaugeValue
	}
	desc := prometheus.NewDesc(metric.Prefix+m.Name, m.Help, names, nil)
	return prometheus.MustNewConstMetric(desc, kind, m.Value, values...)
}

var answerSeconds = prometheus.NewDesc(metric.Prefix+"answer_seconds",
	"Time from receipt of a message to its answer.", []string{"protocol"}, nil)

// histogram renders h; its buckets are not cumulative, Prometheus's are.
func histogram(h *front.Histogram, protocol string) prometheus.Metric {
	buckets, n := map[float64]uint64{}, uint64(0)
	for i, bound := range front.AnswerBounds {
		n += h.Buckets[i].Load()
		buckets[bound.Seconds()] = n
	}
	n += h.Buckets[len(front.AnswerBounds)].Load()
	sum := time.Duration(h.Sum.Load()).Seconds()
	return prometheus.MustNewConstHistogram(answerSeconds, n, sum, buckets, protocol)
}
