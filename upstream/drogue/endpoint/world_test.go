package endpoint

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"havn/dfu"
	"havn/link/linktest"
	"havn/telemetry"
	"havn/upstream/drogue"
	"havn/upstream/drogue/droguetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const gatewaySpec = `{"authentication":{"credentials":[{"pass":"secret"}]}}`

// world is a stand-in for Drogue Cloud with the application app, the gateway
// device gw and the device d1.
type world struct {
	*droguetest.Cloud
	t   *testing.T
	cfg drogue.Endpoint
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
	cloud.PutApplication("app", "")
	cloud.PutDevice("app", "gw", gatewaySpec, nil)
	cloud.PutDevice("app", "d1", `{"gatewaySelector":{"matchNames":["gw"]}}`, nil)
	w := &world{Cloud: cloud, t: t}
	w.cfg = drogue.Endpoint{
		URL: cloud.MQTTURL, Application: "app", Device: "gw", PasswordFile: w.file("password", "secret\n"),
	}
	if opts.TLS {
		w.cfg.CA = w.file("ca.pem", string(cloud.CA))
	}
	return w
}

// overHTTP makes the endpoint an HTTP one.
func (w *world) overHTTP() { w.cfg.URL = w.HTTPURL }

func (w *world) file(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// endpoint starts an endpoint whose commands go to the channel: DEVICE NAME PAYLOAD.
func (w *world) endpoint() (*Endpoint, chan string, func()) {
	w.t.Helper()
	commands := make(chan string, 100)
	received := func(d dfu.Device, c telemetry.Command) {
		commands <- fmt.Sprintf("%s %s %s", d, c.Name, c.Payload)
	}
	e, err := New(w.cfg, "firmware", Parts{Commands: received})
	if err != nil {
		w.t.Fatal(err)
	}
	return e, commands, linktest.Run(w.t, e.Run)
}

// published publishes until it succeeds.
func published(t *testing.T, e *Endpoint, device, payload string) {
	t.Helper()
	linktest.Eventually(t, func() error {
		return e.send(t.Context(), message{device, "firmware", "application/json", []byte(payload)})
	})
}

func TestTLS(t *testing.T) {
	for _, scheme := range []string{"mqtt", "http"} {
		w := newWorld(t, droguetest.Options{TLS: true})
		if scheme == "http" {
			w.overHTTP()
		}
		e, _, _ := w.endpoint()
		published(t, e, "d1", `{}`)
		for _, bad := range []string{"/does/not/exist", w.cfg.PasswordFile} {
			w.cfg.CA = bad
			if _, err := New(w.cfg, "firmware", Parts{}); err == nil || !strings.Contains(err.Error(), "gateway device gw of app") {
				t.Errorf("%s: ca %s: %v", scheme, bad, err)
			}
		}
	}
}
