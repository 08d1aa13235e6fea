package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"havn/dfu"
	"havn/firmware"
	"havn/status"
)

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
	Kinds   firmware.Kinds // of sources: what an assignment may name
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
		s, err := a.Engine.Device(named(r))
		if err != nil {
			fail(w, err)
			return
		}
		answer(w, deviceOf(s))
	})
	mux.HandleFunc("PUT "+device+"/desired", a.assign)
	mux.HandleFunc("DELETE "+device+"/desired", change(a.Engine.Unassign))
	mux.HandleFunc("POST "+device+"/retry", change(a.Engine.RetryDevice))
	mux.HandleFunc("DELETE "+device, change(a.Engine.Forget))
}

// named returns the device in the path of r.
func named(r *http.Request) dfu.Device {
	return dfu.Device{Application: r.PathValue("application"), Name: r.PathValue("device")}
}

func (a API) devices(w http.ResponseWriter, r *http.Request) {
	all := a.Engine.Devices(r.FormValue("application"))
	list(w, r, all, func(s status.Status) string { return s.Device.String() }, deviceOf)
}

func (a API) images(w http.ResponseWriter, r *http.Request) {
	list(w, r, a.Images(), func(i Image) string { return i.Digest }, func(i Image) Image { return i })
}

// maxSpec bounds the body of an assignment: two names and some braces.
const maxSpec = 16 << 10

func (a API) assign(w http.ResponseWriter, r *http.Request) {
	spec, err := a.spec(w, r)
	if err != nil {
		fail(w, err)
		return
	}
	if err := a.Engine.Assign(r.Context(), named(r), spec); err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// spec reads the body of r.
func (a API) spec(w http.ResponseWriter, r *http.Request) (firmware.Spec, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSpec))
	if err != nil {
		return firmware.Spec{}, fmt.Errorf("%w: body: %w", firmware.ErrInvalid, err)
	}
	spec, err := a.Kinds.ParseExactly(body)
	if err != nil {
		return firmware.Spec{}, fmt.Errorf("%w; want {\"KIND\": {...}}, where KIND is %s", err, a.Kinds.Names())
	}
	return spec, nil
}

// change makes a handler of an operation on one device.
func change(do func(dfu.Device) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := do(named(r)); err != nil {
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
	refuse(w, status, err.Error())
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Refusal{message})
}
