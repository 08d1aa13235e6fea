package upstream_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/status"
	"havn/upstream"
	"havn/upstream/drogue"
	"havn/upstream/drogue/droguetest"
	"havn/upstream/drogue/droguetest/apps"
	"havn/upstream/drogue/droguetest/wire"
	"havn/upstream/drogue/endpoint"
	"havn/upstream/drogue/registry"
	"havn/upstream/hawkbit"
	"havn/upstream/hawkbit/hawkbittest"
	"havn/upstream/spool"
)

// asked is the pause that servers ask for here: longer than the forwarder's own
// first pauses.
const asked = 2 * time.Second

// watched is a server that notes when it is asked.
type watched struct {
	http.Handler
	mu    sync.Mutex
	times []time.Time
}

// watch puts a server that notes when it is asked before h, and returns its URL.
func watch(t *testing.T, h http.Handler) (*watched, string) {
	w := &watched{Handler: h}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	return w, server.URL
}

func (w *watched) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.times = append(w.times, time.Now())
	w.mu.Unlock()
	w.Handler.ServeHTTP(rw, r)
}

// proxyTo passes requests on to a server.
func proxyTo(t *testing.T, address string) http.Handler {
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &httputil.ReverseProxy{
		Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
	}
}

// throttled is a server that asks for a pause once, and the publisher to it.
type throttled struct {
	publisher upstream.Publisher
	server    *watched
	event     status.Status // to be told
	told      func() bool   // whether the server took it after the pause
}

func secret(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// inDrogue returns a cloud with the device app/d, whose interface kind asks for a
// pause.
func inDrogue(t *testing.T, kind droguetest.Kind, code int, date bool) *droguetest.Cloud {
	cloud, err := droguetest.Start(droguetest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	cloud.AddUser(apps.User{Name: "me", Token: "secret"})
	cloud.PutApplication("app", "")
	cloud.PutDevice("app", "gw", `{"authentication":{"credentials":[{"pass":"secret"}]}}`, nil)
	cloud.PutDevice("app", "d", `{"gatewaySelector":{"matchNames":["gw"]}}`, nil)
	cloud.Inject(kind, wire.Fault{Times: 1, Status: code, RetryAfter: asked, RetryDate: date})
	return cloud
}

func throttledRegistry(t *testing.T, code int, date bool) throttled {
	cloud := inDrogue(t, droguetest.Registry, code, date)
	server, address := watch(t, proxyTo(t, cloud.RegistryURL))
	r, err := registry.New(drogue.Config{Registry: drogue.RegistryConfig{
		URL: address, User: "me", TokenFile: secret(t, "secret"), Refresh: time.Hour,
	}}, registry.Parts{Store: nothing{}})
	if err != nil {
		t.Fatal(err)
	}
	return throttled{publisher: r, server: server, told: func() bool {
		d, _ := cloud.Device("app", "d")
		return d.Status["firmware"] != nil
	}}
}

func throttledEndpoint(t *testing.T, code int, date bool) throttled {
	cloud := inDrogue(t, droguetest.HTTP, code, date)
	server, address := watch(t, proxyTo(t, cloud.HTTPURL))
	e, err := endpoint.New(drogue.Endpoint{
		URL: address, Application: "app", Device: "gw", PasswordFile: secret(t, "secret"),
	}, "firmware", endpoint.Parts{})
	if err != nil {
		t.Fatal(err)
	}
	return throttled{publisher: e, server: server, told: func() bool { return len(cloud.Events("app", "d")) > 0 }}
}

func throttledHawkbit(t *testing.T, code int, date bool) throttled {
	double := hawkbittest.New(hawkbittest.Config{GatewayToken: "secret"})
	server, address := watch(t, double)
	source, err := hawkbit.New(
		hawkbit.Config{URL: address, GatewayTokenFile: secret(t, "secret")}, nothing{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(source.Close)
	spec := hawkbit.Ref{Controller: "c"}.Spec()
	id := double.Assign(hawkbittest.Assignment{
		Controller: "c", Modules: hawkbittest.Firmware("2", "fw.bin", []byte("firmware")),
	})
	m, err := source.Resolve(t.Context(), dfu.Device{Application: "app", Name: "d"}, spec)
	if err != nil {
		t.Fatal(err)
	}
	server.times = nil
	header := http.Header{"Retry-After": {"2"}}
	if date {
		now := time.Now().UTC()
		header.Set("Date", now.Format(http.TimeFormat))
		header.Set("Retry-After", now.Add(asked).Format(http.TimeFormat))
	}
	double.Inject(hawkbittest.Fault{Times: 1, Status: code, Header: header})
	return throttled{
		publisher: hawkbit.NewPublisher(source, func(dfu.Device) (firmware.Spec, error) { return spec, nil }),
		server:    server, event: status.Status{Digest: m.Digest, Order: m.Order},
		told: func() bool { return double.Action(id).Status == hawkbittest.Finished },
	}
}

// nothing is a store that keeps nothing.
type nothing struct{}

func (nothing) Load(string) ([]byte, error) { return nil, nil }
func (nothing) Save(string, []byte) error   { return nil }

// A server that says when it wants to be asked again is not asked before that,
// through the real clients, the forwarder and the spool.
func TestRetryAfterOfServers(t *testing.T) {
	for name, open := range map[string]func(t *testing.T, code int, date bool) throttled{
		"registry": throttledRegistry, "HTTP endpoint": throttledEndpoint, "hawkBit": throttledHawkbit,
	} {
		for form, date := range map[string]bool{"429 in seconds": false, "503 with a date": true} {
			code := map[bool]int{false: http.StatusTooManyRequests, true: http.StatusServiceUnavailable}[date]
			t.Run(name+" "+form, func(t *testing.T) {
				t.Parallel()
				s := open(t, code, date)
				forward(t, s)
				s.server.mu.Lock()
				defer s.server.mu.Unlock()
				if gap := s.server.times[1].Sub(s.server.times[0]); gap < asked-100*time.Millisecond {
					t.Errorf("asked again after %v, the server wanted %v", gap, asked)
				}
			})
		}
	}
}

// forward tells a server that app/d is in sync, until the server has taken it.
func forward(t *testing.T, s throttled) {
	publishers := []upstream.Publisher{s.publisher}
	sp, err := spool.Open(t.TempDir(), spool.Config{}, upstream.Names(publishers), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	f := upstream.New(sp, publishers, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	done := make(chan error)
	go func() { done <- f.Run(ctx) }()
	defer func() { cancel(); <-done }()
	s.event.Device = dfu.Device{Application: "app", Name: "d"}
	s.event.State, s.event.Current, s.event.Target = status.InSync, "2", "2"
	if err := f.Report([]status.Change{{Status: s.event, Transition: true, Time: time.Now()}}); err != nil {
		t.Fatal(err)
	}
	for !s.told() {
		if ctx.Err() != nil {
			t.Fatal("the server was never told")
		}
		time.Sleep(5 * time.Millisecond)
	}
}
