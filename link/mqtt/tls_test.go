package mqtt

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
)

// TestTLS: the broker is verified, and knows the gateway by its certificate and
// its account.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key, pair := certificate(t, dir)
	pool := x509.NewCertPool()
	pool.AddCert(pair.Leaf)
	l := tls.NewListener(listen(t, "127.0.0.1:0"), &tls.Config{
		Certificates: []tls.Certificate{pair},
		ClientCAs:    pool, ClientAuth: tls.RequireAndVerifyClientCert,
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
	cfg := Config{URL: "mqtts://" + l.Addr().String(), CA: cert, Certificate: cert, Key: key,
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

// certificate writes a self-signed certificate for 127.0.0.1.
func certificate(t *testing.T, dir string) (cert, key string, pair tls.Certificate) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if pair, err = tls.LoadX509KeyPair(cert, key); err != nil {
		t.Fatal(err)
	}
	return cert, key, pair
}
