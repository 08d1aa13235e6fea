package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"havn/dfu"
	"havn/firmware"
	"havn/status"
)

// Image is one firmware image held or offered.
type Image struct {
	Digest     firmware.Digest `json:"digest"`
	Version    string          `json:"version"`
	Size       uint32          `json:"size"`
	References []string        `json:"references"` // what it was resolved from
	Pinned     bool            `json:"pinned"`     // in use by a device
	Memory     bool            `json:"memory"`
	Disk       bool            `json:"disk"`
}

// Cache is the state of the image cache: bytes held and what became of lookups.
type Cache struct {
	MemoryBytes uint64 `json:"memory_bytes"`
	DiskBytes   uint64 `json:"disk_bytes"`
	Hits        uint64 `json:"hits"`
	Misses      uint64 `json:"misses"`
}

// Summary is the gateway at a glance.
type Summary struct {
	Devices         map[status.State]int `json:"devices"`
	Images          int                  `json:"images"`
	Cache           Cache                `json:"cache"`
	Upstream        map[string]any       `json:"upstream"`
	ChunksPerSecond map[string]float64   `json:"chunks_per_second"` // by protocol
}

// Engine is what the API shows and changes.
type Engine interface {
	Devices(application string) []status.Status
	Device(dev dfu.Device) (status.Status, error)
	Assign(ctx context.Context, dev dfu.Device, s firmware.Spec) error
	Unassign(dev dfu.Device) error
	RetryDevice(dev dfu.Device) error
	Forget(dev dfu.Device) error
	Refresh()
}

// API serves /api/v1. Images and Summary collect what the engine does not know.
type API struct {
	Engine  Engine
	Images  func() []Image
	Summary func() Summary
}

// Register adds the API's routes to mux.
func (a API) Register(mux *http.ServeMux) {
	const device = "/api/v1/devices/{application}/{device}"
	mux.HandleFunc("GET /api/v1/devices", a.devices)
	mux.HandleFunc("GET /api/v1/images", a.images)
	mux.HandleFunc("GET /api/v1/summary", func(w http.ResponseWriter, _ *http.Request) { answer(w, a.Summary()) })
	mux.HandleFunc("POST /api/v1/refresh", func(w http.ResponseWriter, _ *http.Request) {
		a.Engine.Refresh()
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("GET "+device, func(w http.ResponseWriter, r *http.Request) {
		view, err := a.Engine.Device(deviceOf(r))
		if err != nil {
			fail(w, err)
			return
		}
		answer(w, view)
	})
	mux.HandleFunc("PUT "+device+"/desired", a.assign)
	mux.HandleFunc("DELETE "+device+"/desired", change(a.Engine.Unassign))
	mux.HandleFunc("POST "+device+"/retry", change(a.Engine.RetryDevice))
	mux.HandleFunc("DELETE "+device, change(a.Engine.Forget))
}

func deviceOf(r *http.Request) dfu.Device {
	return dfu.Device{Application: r.PathValue("application"), Name: r.PathValue("device")}
}

func (a API) devices(w http.ResponseWriter, r *http.Request) {
	views := a.Engine.Devices(r.FormValue("application"))
	list(w, r, views, func(v status.Status) string { return v.Device.String() })
}

func (a API) images(w http.ResponseWriter, r *http.Request) {
	list(w, r, a.Images(), func(i Image) string { return i.Digest.String() })
}

// maxSpec bounds the body of an assignment: two names and some braces.
const maxSpec = 16 << 10

func (a API) assign(w http.ResponseWriter, r *http.Request) {
	var spec firmware.Spec
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxSpec))
	d.DisallowUnknownFields()
	if err := d.Decode(&spec); err != nil {
		fail(w, fmt.Errorf("%w: body: %w; want {\"container\":{\"image\":...}}, "+
			"{\"file\":{\"name\":...}} or {\"hawkbit\":{\"controller\":...}}",
			firmware.ErrInvalid, err))
		return
	}
	if err := a.Engine.Assign(r.Context(), deviceOf(r), spec); err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// change makes a handler of an operation on one device.
func change(do func(dfu.Device) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := do(deviceOf(r)); err != nil {
			fail(w, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client is gone
}

func fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, firmware.ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, firmware.ErrInvalid), errors.Is(err, firmware.ErrDenied), errors.Is(err, firmware.ErrTooLarge):
		status = http.StatusUnprocessableEntity
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}
