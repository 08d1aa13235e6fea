package cache

import "havn/metric"

// Metrics describes the counters.
func (s Stats) Metrics() []metric.Metric {
	tier := func(name string) metric.Label { return metric.Label{Name: "tier", Value: name} }
	const hits, held = "Images found, by tier.", "Bytes of images held, by tier."
	all := []metric.Metric{
		metric.Counter("cache_hits_total", hits, s.Hits.Memory, tier("memory")),
		metric.Counter("cache_hits_total", hits, s.Hits.Disk, tier("disk")),
		metric.Counter("cache_misses_total", "Images asked for that were not in memory.", s.Misses),
		metric.Gauge("cache_bytes", held, float64(s.Bytes.Memory), tier("memory")),
		metric.Gauge("cache_bytes", held, float64(s.Bytes.Disk), tier("disk")),
		metric.Counter("cache_corrupt_total", "Image files found damaged and fetched again.", s.Corrupt),
		metric.Counter("cache_refused_total", "Image files that the disk did not take.", s.Refused),
	}
	for f, n := range s.Fetches {
		all = append(all, metric.Counter("fetches_total", "Downloads of images.", n,
			metric.Label{Name: "source", Value: f.Source}, metric.Label{Name: "result", Value: f.Result}))
	}
	return all
}

// Metrics returns what the cache counts.
func (c *Cache) Metrics() []metric.Metric { return c.Stats().Metrics() }
