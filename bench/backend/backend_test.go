package backend

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"havn/gateway/config"
	"havn/status"
	"havn/upstream"
	"havn/upstream/drogue/droguetest/apps"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts a backend whose servers are said to be at SERVER.example:1.
func start(t *testing.T) *Backend {
	t.Helper()
	path := filepath.Join(t.TempDir(), "firmware.bin")
	if err := os.WriteFile(path, []byte("firmware"), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := Start(t.Context(), Options{
		Application: "app", Firmware: path, Version: "2",
		Via: func(s Server, address string) (string, error) { return string(s) + ".example:1", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func TestConfiguration(t *testing.T) {
	b := start(t)
	text, err := b.Configuration(t.TempDir(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Parse("backend.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	drogue := cfg.Upstream.Drogue
	for got, want := range map[string]string{
		b.Image:                          "images.example:1/app/firmware:2",
		cfg.Firmware.Registries[0].Host:  "images.example:1",
		drogue.Registry.URL:              "http://registry.example:1",
		drogue.Endpoints[0].URL:          "mqtt://endpoint.example:1",
		drogue.Registry.Refresh.String(): "1h0m0s",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestRequests: the push is not counted, what comes after it is.
func TestRequests(t *testing.T) {
	b := start(t)
	defer http.DefaultClient.CloseIdleConnections()
	for _, server := range []Server{Images, Registry, Endpoint} {
		if n := b.Requests(server); len(n) != 0 {
			t.Errorf("%s: %v before anything was asked", server, n)
		}
	}
	const manifest = "/v2/app/firmware/manifests/2"
	for _, path := range []string{"/v2/", manifest, manifest} {
		resp, err := http.Get("http://" + b.images.address + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if n := b.Requests(Images); n["GET /v2/"] != 1 || n["GET manifests"] != 2 || len(n) != 2 {
		t.Errorf("%v", n)
	}
}

// TestAwait: event and status.firmware both have to say it.
func TestAwait(t *testing.T) {
	b := start(t)
	b.Add("d1")
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := b.Settled(short, []string{"d1"})
	if !errors.Is(err, errNoEvent) || !errors.Is(err, context.DeadlineExceeded) ||
		!strings.Contains(err.Error(), "d1") {
		t.Errorf("%v, want that no event has arrived of d1", err)
	}
	for _, test := range []struct {
		event string
		want  error
		state status.State
	}{
		{`{"state":"in-sync","current":"2"}`, errNoStatus, status.InSync},
		{`{"state":"updating","current":"1","offset":1,"size":4}`, nil, status.Updating},
		{`{"state":"updating","current":"1","offset":2,"size":4}`, errNoStatus, status.Updating},
	} {
		b.told.event(apps.Event{Device: "d1", Data: []byte(test.event)})
		write(t, b, `{"current":"1","conditions":[{"type":"InSync","status":"False"},
			{"type":"UpdateProgress","message":"25.00"}]}`)
		event, _ := b.told.of("d1")
		if err := b.same("d1", event); !errors.Is(err, test.want) || event.State != test.state {
			t.Errorf("%s: %v, want %v", test.event, err, test.want)
		}
	}
	b.told.event(apps.Event{Device: "d1", Data: []byte(`{"state":"in-sync","current":"2"}`)})
	write(t, b, `{"current":"2","conditions":[{"type":"InSync","status":"True"}]}`)
	if n, err := b.Settled(t.Context(), []string{"d1"}); err != nil || n != 4 {
		t.Errorf("%d events, %v, want 4", n, err)
	}
	enough := func(s upstream.StatusBody) bool { return s.Current == "2" }
	if s, err := b.Await(t.Context(), "d1", enough); err != nil || s.State != status.InSync {
		t.Errorf("%+v, %v", s, err)
	}
}

// write writes status.firmware of d1.
func write(t *testing.T, b *Backend, status string) {
	t.Helper()
	body := `{"metadata":{"name":"d1","application":"app"},"status":{"firmware":` + status + `}}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut,
		b.Cloud.RegistryURL+"/api/registry/v1alpha1/apps/app/devices/d1", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(User, Secret)
	defer http.DefaultClient.CloseIdleConnections()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		t.Fatal(resp.Status)
	}
}
