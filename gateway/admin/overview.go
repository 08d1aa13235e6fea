package admin

import (
	"havn/firmware"
	"havn/gateway/admin/api"
)

// summary is the gateway at a glance.
func (s *Server) summary() api.Summary {
	stats := s.parts.Cache.Stats()
	return api.Summary{
		Devices: s.parts.Engine.Count(),
		Images:  len(s.parts.Cache.Images()),
		Cache: api.Cache{
			MemoryBytes: stats.Bytes.Memory, DiskBytes: stats.Bytes.Disk,
			Hits: stats.Hits.Memory + stats.Hits.Disk, Misses: stats.Misses,
		},
		Upstream:        s.upstream(),
		ChunksPerSecond: s.rates.now(),
	}
}

// upstream returns the events by what became of them.
func (s *Server) upstream() map[string]uint64 {
	if s.parts.Forwarder == nil {
		return map[string]uint64{}
	}
	sent := s.parts.Forwarder.Stats()
	return map[string]uint64{
		"waiting": uint64(s.parts.Spool.Stats().Events), "delivered": sent.Delivered.Load(),
		"rejected": sent.Rejected.Load(),
	}
}

// images joins what is offered with what the cache holds.
func (s *Server) images() []api.Image {
	all := map[firmware.Digest]*api.Image{}
	image := func(d firmware.Digest, size uint32) *api.Image {
		if all[d] == nil {
			all[d] = &api.Image{Digest: d.String(), Size: size, References: []string{}}
		}
		return all[d]
	}
	for _, o := range s.parts.Engine.Releases().Offers() {
		img := image(o.Digest, o.Size)
		img.Version, img.References = o.Version, append(img.References, o.Reference)
	}
	for _, h := range s.parts.Cache.Images() {
		img := image(h.Digest, uint32(h.Size))
		img.Pinned, img.Memory, img.Disk = h.Pinned, h.Memory, h.Disk
	}
	list := make([]api.Image, 0, len(all))
	for _, img := range all {
		list = append(list, *img)
	}
	return list
}
