package hawkbit

import (
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"havn/firmware"
	"havn/status"
	"havn/upstream/hawkbit/hawkbittest"
)

func TestConfigRefuses(t *testing.T) {
	none, noPEM := filepath.Join(t.TempDir(), "none"), filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(noPEM, []byte("-----BEGIN"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		cfg  Config
		want string
	}{
		"no url":    {Config{}, "url: "},
		"scheme":    {Config{URL: "h.test:8080"}, "want https://"},
		"user":      {Config{URL: "https://u:secret@h.test"}, "without an account"},
		"query":     {Config{URL: "https://h.test?x"}, "no query"},
		"pattern":   {Config{URL: "https://h.test", Artifact: "["}, "artifact"},
		"ca":        {Config{URL: "https://h.test", CA: none}, "ca: "},
		"no PEM":    {Config{URL: "https://h.test", CA: noPEM}, "no PEM"},
		"two kinds": {Config{URL: "https://h.test", GatewayTokenFile: "a", TargetTokenFile: "b"}, "not both"},
	} {
		_, err := New(test.cfg, &memory{}, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{TargetTokens: map[string]string{"dev1": "t4rget"}})
		w.assign("1", image(10))
		file := filepath.Join(t.TempDir(), "target")
		w.cfg.GatewayTokenFile, w.cfg.TargetTokenFile = "", file
		w.restart()
		for _, content := range []string{"", "two words", "wrong"} {
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := w.resolve("dev1")
			if err == nil || content != "" && strings.Contains(err.Error(), content) {
				t.Errorf("%q: %v", content, err)
			}
			if content == "wrong" && !errors.Is(err, firmware.ErrDenied) {
				t.Errorf("%q: %v", content, err)
			}
		}
		if err := os.WriteFile(file, []byte(" t4rget\r\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		w.mustResolve()
	})
}

func TestTLSAndTenant(t *testing.T) {
	server := hawkbittest.New(hawkbittest.Config{GatewayToken: token, Tenant: "plant 7", Scheme: "http"})
	server.Assign(hawkbittest.Assignment{Controller: "dev1",
		Modules: hawkbittest.Firmware("1", "fw.bin", image(10))})
	front := httptest.NewTLSServer(server)
	defer front.Close()
	dir := t.TempDir()
	ca, file := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "token")
	if err := errors.Join(os.WriteFile(ca, pemOf(front), 0o600), os.WriteFile(file, []byte(token), 0o600)); err != nil {
		t.Fatal(err)
	}
	cfg := Config{URL: front.URL, Tenant: "plant 7", GatewayTokenFile: file, CA: ca}
	s, err := New(cfg, &memory{m: map[string][]byte{}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := &world{Source: s, t: t}
	if err := w.download(w.mustResolve()); err != nil { // its links say http
		t.Error(err)
	}
}

// TestUnreadableState requires that a damaged value costs no more than what was
// in it.
func TestUnreadableState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		w.assign("1", image(10))
		w.store.m["http://hawkbit.test/DEFAULT/controller/v1/dev1"] = []byte(`{"action":{`)
		w.mustResolve()
		w.restart()
		w.store.fail = errors.New("disk is gone")
		if _, err := w.resolve("dev1"); err == nil || !strings.Contains(err.Error(), "disk is gone") {
			t.Errorf("state that may be there: %v", err)
		}
	})
}

// TestFullDisk requires that updates go on where nothing can be stored.
func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		id := w.assign("1", image(10))
		m := w.mustResolve()
		w.store.fail = errors.New("disk full")
		w.mustReport(status.Status{State: status.InSync, Digest: m.Digest, Current: "1"})
		if a := w.server.Action(id); a.Status != hawkbittest.Finished {
			t.Errorf("%+v", a)
		}
	})
}

func pemOf(s *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}
