package api

import (
	"time"

	"havn/status"
)

// Device is where a device stands.
type Device struct {
	Application string       `json:"application"`
	Name        string       `json:"device"`
	Protocol    string       `json:"protocol"`
	State       status.State `json:"state"`
	Current     string       `json:"current"` // versions that are not UTF-8 as 0x...
	Target      string       `json:"target"`
	Offset      uint32       `json:"offset"` // bytes of the image that the device has
	Size        uint32       `json:"size"`
	Progress    float64      `json:"progress"` // 0..1
	Error       string       `json:"error"`    // why it waits or failed; what to do about it
	LastSeen    time.Time    `json:"last_seen"`
	ETA         *float64     `json:"eta_seconds"` // nil: not known
}

func deviceOf(s status.Status) Device {
	return Device{
		Application: s.Application, Name: s.Name, Protocol: s.Protocol, State: s.State,
		Current: s.Current, Target: s.Target, Offset: s.Offset, Size: s.Size, Progress: s.Progress,
		Error: s.Error, LastSeen: s.LastSeen, ETA: seconds(s.ETA),
	}
}

func seconds(d *time.Duration) *float64 {
	if d == nil {
		return nil
	}
	s := d.Seconds()
	return &s
}

// Image is one firmware image held or offered.
type Image struct {
	Digest     string   `json:"digest"` // sha256:...
	Version    string   `json:"version"`
	Size       uint32   `json:"size"`
	References []string `json:"references"` // what it was resolved from
	Pinned     bool     `json:"pinned"`     // in use by a device
	Memory     bool     `json:"memory"`
	Disk       bool     `json:"disk"`
}

// Summary is the gateway at a glance.
type Summary struct {
	Devices         map[status.State]int `json:"devices"`
	Images          int                  `json:"images"`
	Cache           Cache                `json:"cache"`
	Upstream        map[string]uint64    `json:"upstream"`          // events by what became of them; empty without one
	ChunksPerSecond map[string]float64   `json:"chunks_per_second"` // by protocol
}

// Cache is the state of the image cache: bytes held and what became of lookups.
type Cache struct {
	MemoryBytes uint64 `json:"memory_bytes"`
	DiskBytes   uint64 `json:"disk_bytes"`
	Hits        uint64 `json:"hits"`
	Misses      uint64 `json:"misses"`
}

// Page is one page of a list. Next is the after of the next page, empty on the
// last one.
type Page[T any] struct {
	Items []T    `json:"items"`
	Total int    `json:"total"` // of all pages
	Next  string `json:"next"`
}

// Refusal is the body of an answer that is no success.
type Refusal struct {
	Error string `json:"error"`
}
