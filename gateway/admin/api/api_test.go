package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"havn/dfu"
	"havn/firmware"
	"havn/status"
	"havn/upstream/file"
	"havn/upstream/hawkbit"
	"havn/upstream/oci"
)

var kinds = firmware.Kinds{oci.Kind, file.Kind, hawkbit.Kind}

// fake is an engine that notes what it is told.
type fake struct {
	devices int // at least 250
	calls   []string
}

func (f *fake) Devices(application string) (views []status.Status) {
	for i := range max(f.devices, 250) {
		views = append(views, status.Status{Device: dfu.Device{Application: application, Name: fmt.Sprintf("d%04d", i)}})
	}
	return views
}

func (f *fake) Device(dev dfu.Device) (status.Status, error) {
	if dev.Name == "none" {
		return status.Status{}, firmware.ErrNotFound
	}
	return status.Status{Device: dev, State: status.InSync}, nil
}

func (f *fake) note(what string, dev dfu.Device) error {
	f.calls = append(f.calls, what+" "+dev.String())
	return nil
}

func (f *fake) Assign(_ context.Context, dev dfu.Device, s firmware.Spec) error {
	if err := s.Validate(); err != nil {
		return err
	}
	return f.note("assign "+s.Key(), dev)
}
func (f *fake) Unassign(dev dfu.Device) error    { return f.note("unassign", dev) }
func (f *fake) RetryDevice(dev dfu.Device) error { return f.note("retry", dev) }
func (f *fake) Forget(dev dfu.Device) error      { return f.note("forget", dev) }
func (f *fake) Refresh()                         { f.calls = append(f.calls, "refresh") }

func serve(t *testing.T, f *fake, method, path, body string) (int, string) {
	t.Helper()
	mux := http.NewServeMux()
	API{Engine: f, Kinds: kinds, Images: func() []Image { return nil }, Summary: func() Summary { return Summary{} }}.Register(mux)
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, httptest.NewRequest(method, path, strings.NewReader(body)))
	return rec.Code, rec.Body.String()
}

func TestOperations(t *testing.T) {
	f := &fake{}
	tests := []struct {
		method, path, body string
		code               int
		call               string
	}{
		{"PUT", "/api/v1/devices/app/d1/desired", `{"container":{"image":"h/n:t"}}`, 204, "assign h/n:t app/d1"},
		{"PUT", "/api/v1/devices/app/*/desired", `{"file":{"name":"n"}}`, 204, "assign file:n app/*"},
		{"PUT", "/api/v1/devices/app/d1/desired", `{"container":{}}`, 422, ""},
		{"PUT", "/api/v1/devices/app/d1/desired", `{"oci":{}}`, 422, ""},
		{"PUT", "/api/v1/devices/app/d1/desired", ``, 422, ""},
		{"PUT", "/api/v1/devices/app/d1/desired", `{"file":{"name":"` + strings.Repeat("n", maxSpec) + `"}}`, 422, ""},
		{"DELETE", "/api/v1/devices/app/d1/desired", "", 204, "unassign app/d1"},
		{"POST", "/api/v1/devices/app/d%201/retry", "", 204, "retry app/d 1"},
		{"DELETE", "/api/v1/devices/app/d1", "", 204, "forget app/d1"},
		{"POST", "/api/v1/refresh", "", 202, "refresh"},
		{"GET", "/api/v1/devices/app/none", "", 404, ""},
		{"GET", "/api/v1/devices?limit=0", "", 422, ""},
		{"GET", "/api/v1/devices?limit=x", "", 422, ""},
	}
	for _, tt := range tests {
		f.calls = nil
		code, body := serve(t, f, tt.method, tt.path, tt.body)
		if code != tt.code || strings.Join(f.calls, ",") != tt.call {
			t.Errorf("%s %s: %d %v, want %d %s", tt.method, tt.path, code, f.calls, tt.code, tt.call)
		}
		if code >= 400 && !strings.HasPrefix(body, `{"error":"`) {
			t.Errorf("%s %s: body %s", tt.method, tt.path, body)
		}
	}
}

func TestPaging(t *testing.T) {
	var names []string
	after, pages := "", 0
	for {
		_, body := serve(t, &fake{}, "GET", "/api/v1/devices?application=app&after="+after, "")
		var p Page[Device]
		if err := json.Unmarshal([]byte(body), &p); err != nil {
			t.Fatal(err)
		}
		if p.Total != 250 {
			t.Fatalf("total %d", p.Total)
		}
		for _, v := range p.Items {
			names = append(names, v.Name)
		}
		if pages++; p.Next == "" {
			break
		}
		after = p.Next
	}
	if pages != 3 || len(names) != 250 || names[249] != "d0249" {
		t.Errorf("%d pages, %d names", pages, len(names))
	}
}

// What the API says of a device, to the letter, in every state.
func TestEveryState(t *testing.T) {
	eta := 12 * time.Second
	for _, state := range status.States {
		got, err := json.Marshal(deviceOf(status.Status{
			Device: dfu.Device{Application: "app", Name: "d1"}, Protocol: "coap", State: state,
			Current: "1", Target: "2", Offset: 1, Size: 4, Progress: 0.25, Error: "why",
			LastSeen: time.Unix(0, 0).UTC(), ETA: &eta, Digest: firmware.Digest{1}, Order: "17",
		}))
		want := `{"application":"app","device":"d1","protocol":"coap","state":"` + string(state) +
			`","current":"1","target":"2","offset":1,"size":4,"progress":0.25,"error":"why",` +
			`"last_seen":"1970-01-01T00:00:00Z","eta_seconds":12}`
		if string(got) != want || err != nil {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
}

// The keys of a device and of the lists are what scripts rely on.
func TestShapes(t *testing.T) {
	_, body := serve(t, &fake{}, "GET", "/api/v1/devices/app/d1", "")
	var device map[string]any
	if err := json.Unmarshal([]byte(body), &device); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"application": "app", "device": "d1", "protocol": "", "state": "in-sync", "current": "", "target": "",
		"offset": 0.0, "size": 0.0, "progress": 0.0, "error": "", "last_seen": "0001-01-01T00:00:00Z", "eta_seconds": nil,
	}
	if diff := cmp.Diff(want, device); diff != "" {
		t.Error(diff)
	}
	_, body = serve(t, &fake{}, "GET", "/api/v1/images", "")
	if strings.TrimSpace(body) != `{"items":[],"total":0,"next":""}` {
		t.Error(body)
	}
}
