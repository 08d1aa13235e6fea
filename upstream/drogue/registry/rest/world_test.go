package rest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"havn/dfu"
	"havn/upstream/drogue"
	"havn/upstream/drogue/droguetest"
	"havn/upstream/drogue/droguetest/apps"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var dev = dfu.Device{Application: "app", Name: "d1"}

// world is a stand-in for Drogue Cloud with the application app and the device d1.
type world struct {
	*droguetest.Cloud
	t   *testing.T
	cfg drogue.RegistryConfig
}

func newWorld(t *testing.T, opts droguetest.Options) *world {
	t.Helper()
	cloud, err := droguetest.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	cloud.AddUser(apps.User{Name: "me", Token: "drg_token", Bearer: "oidc"})
	cloud.PutApplication("app", "")
	cloud.PutDevice("app", "d1", `{}`, nil)
	w := &world{Cloud: cloud, t: t}
	w.cfg = drogue.RegistryConfig{URL: cloud.RegistryURL, User: "me", TokenFile: w.file("token", "drg_token\n")}
	if opts.TLS {
		w.cfg.CA = w.file("ca.pem", string(cloud.CA))
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

// client returns a client, closed at the end.
func (w *world) client() *Client {
	w.t.Helper()
	c, err := New(w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	return c
}

func (w *world) devices(n int) {
	for i := range n {
		w.PutDevice("app", fmt.Sprintf("n%04d", i), `{}`, nil)
	}
}
