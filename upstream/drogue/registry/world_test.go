package registry

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"havn/dfu"
	"havn/firmware"
	"havn/link/linktest"
	"havn/upstream/drogue"
	"havn/upstream/drogue/droguetest"
	"havn/upstream/drogue/droguetest/apps"
	"havn/upstream/file"
	"havn/upstream/hawkbit"
	"havn/upstream/oci"
)

var kinds = firmware.Kinds{oci.Kind, file.Kind, hawkbit.Kind}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	gatewaySpec = `{"authentication":{"credentials":[{"pass":"secret"}]}}`
	deviceSpec  = `{"gatewaySelector":{"matchNames":["gw"]}}`
)

var dev = dfu.Device{Application: "app", Name: "d1"}

// firmwareSpec is a device of our gateway with an image of its own.
func firmwareSpec(image string) string {
	return `{"gatewaySelector":{"matchNames":["gw"]},"firmware":{"container":{"image":"` + image + `"}}}`
}

// world is a stand-in for Drogue Cloud with the application app, the gateway
// device gw and the device d1, and what connects to it.
type world struct {
	*droguetest.Cloud
	t       *testing.T
	cfg     drogue.Config
	store   memory
	changed chan dfu.Device
}

func newWorld(t *testing.T, opts droguetest.Options) *world {
	t.Helper()
	if opts.AuthCache == 0 {
		opts.AuthCache = -1
	}
	cloud, err := droguetest.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	cloud.AddUser(apps.User{Name: "me", Token: "drg_token", Bearer: "oidc"})
	cloud.PutApplication("app", "")
	cloud.PutDevice("app", "gw", gatewaySpec, nil)
	cloud.PutDevice("app", "d1", deviceSpec, nil)
	w := &world{Cloud: cloud, t: t, store: memory{m: map[string][]byte{}}, changed: make(chan dfu.Device, 1000)}
	token := w.file("token", "drg_token\n")
	ca := ""
	if opts.TLS {
		ca = w.file("ca.pem", string(cloud.CA))
	}
	w.cfg = drogue.Config{
		Registry: drogue.RegistryConfig{URL: cloud.RegistryURL, User: "me", TokenFile: token, CA: ca, Refresh: time.Hour},
	}
	return w
}

func (w *world) file(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// integrate configures the MQTT integration.
func (w *world) integrate(group string) {
	w.cfg.Integration = drogue.IntegrationConfig{
		URL: w.IntegrationURL, User: "me", TokenFile: w.cfg.Registry.TokenFile, CA: w.cfg.Registry.CA, Group: group,
	}
}

// registry starts a registry client; the function ends it.
func (w *world) registry() (*Registry, func()) {
	w.t.Helper()
	r, err := New(w.cfg, Parts{Kinds: kinds, Store: &w.store, Changed: func(d dfu.Device) { w.changed <- d }})
	if err != nil {
		w.t.Fatal(err)
	}
	return r, linktest.Run(w.t, r.Run)
}

// image waits until dev should run an image.
func image(t *testing.T, r *Registry, d dfu.Device, want string) {
	t.Helper()
	linktest.Eventually(t, func() error {
		spec, err := r.Desired(d)
		if err == nil && spec.Key() == want {
			return nil
		}
		return errors.Join(err, fmt.Errorf("%s: desired %q, want %q", d, spec.Key(), want))
	})
}

// failure waits until Desired fails with want.
func failure(t *testing.T, r *Registry, d dfu.Device, want error) {
	t.Helper()
	linktest.Eventually(t, func() error {
		spec, err := r.Desired(d)
		if errors.Is(err, want) {
			return nil
		}
		return errors.Join(err, fmt.Errorf("%s: desired %q, want %w", d, spec.Key(), want))
	})
}

// memory is a Store.
type memory struct {
	mu     sync.Mutex
	m      map[string][]byte
	failed error
}

func (m *memory) Load(key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.m[key], m.failed
}

func (m *memory) Save(key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.m[key] = value
	return m.failed
}

// gets counts the devices read so far, one by one and in lists.
func (w *world) gets() (single, lists uint64) {
	requests := w.Counters(droguetest.Registry).Requests
	return requests["GET /apps/{app}/devices/{device}"], requests["GET /apps/{app}/devices"]
}
