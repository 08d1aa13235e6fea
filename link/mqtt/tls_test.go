package mqtt

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"

	"havn/link/linktest"
)

// TestTLS: the broker is verified, and knows the gateway by its certificate and
// its account.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	own := linktest.NewCertificate(t, "127.0.0.1")
	l := tls.NewListener(listen(t, "127.0.0.1:0"), &tls.Config{
		Certificates: []tls.Certificate{own.Pair(t)},
		ClientCAs:    own.Pool, ClientAuth: tls.RequireAndVerifyClientCert,
	})
	ledger := &auth.Ledger{Auth: auth.AuthRules{{Username: "havn", Password: "secret", Allow: true}}}
	b := broker.New(&broker.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)})
	if err := b.AddHook(new(auth.Hook), &auth.Options{Ledger: ledger}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(b.AddListener(listeners.NewNet("test", l)), b.Serve()); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := Config{URL: "mqtts://" + l.Addr().String(), CA: own.File, Certificate: own.File, Key: own.Key,
		Username: "havn", PasswordFile: password}
	c, received, _ := start(t, cfg)
	connected(t, c, 1)
	exchange(t, b, c, received)
	for name, change := range map[string]func(*Config){
		"unknown authority": func(c *Config) { c.CA = "" },
		"no certificate":    func(c *Config) { c.Certificate, c.Key = "", "" },
		"no password":       func(c *Config) { c.PasswordFile = "" },
		"no file":           func(c *Config) { c.CA = filepath.Join(dir, "none") },
	} {
		bad := cfg
		change(&bad)
		c, _, _ := start(t, bad)
		for c.Stats().Failures.Load() < 2 {
			time.Sleep(time.Millisecond)
		}
		if c.Stats().Connections.Load() > 0 {
			t.Errorf("%s: connected", name)
		}
	}
}
