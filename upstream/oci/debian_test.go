package oci

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"havn/firmware"
)

const debianConfig = `version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: %q}}
http: {addr: %q}
`

// TestDebianRegistry pushes to and pulls from the registry server that Debian
// ships: no double of ours.
func TestDebianRegistry(t *testing.T) {
	host := startDebianRegistry(t)
	b := []byte("the firmware")
	opts := PushOptions{File: writeFirmware(t, b), Image: host + "/team/blinky:v2", Version: "2.0"}
	result, err := Push(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	s := newSource(t, Config{Registries: []Registry{{Host: host}}})
	m := mustResolve(t, s, opts.Image)
	if m.Version != "2.0" || m.Digest != digestOf(b) || m.Origin.Manifest != result.Manifest {
		t.Errorf("resolved %+v, pushed %+v", m, result)
	}
	mustFetch(t, s, m)
	mustFetch(t, s, mustResolve(t, s, result.Reference))
	for _, absent := range []string{"/team/blinky:v3", "/team/absent:v2"} {
		_, err := s.Resolve(t.Context(), device, spec(host+absent))
		if sentinel(err) != firmware.ErrNotFound {
			t.Errorf("%s: error %v, want %v", absent, err, firmware.ErrNotFound)
		}
	}
}

// startDebianRegistry runs docker-registry until the test ends and returns its
// host.
func startDebianRegistry(t *testing.T) string {
	path, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Skip("docker-registry is not installed (apt-get install docker-registry): ", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := listener.Addr().String()
	listener.Close()
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf(debianConfig, filepath.Join(dir, "data"), host)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server := exec.CommandContext(t.Context(), path, "serve", config)
	server.Cancel = func() error { return server.Process.Signal(syscall.SIGTERM) }
	server.WaitDelay = 5 * time.Second
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Wait() })
	waitFor(t, host)
	return host
}

// waitFor returns once the server answers: it does not say when it is ready.
func waitFor(t *testing.T, host string) {
	t.Helper()
	defer http.DefaultClient.CloseIdleConnections()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		resp, err := http.Get("http://" + host + "/v2/")
		if err == nil {
			resp.Body.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("docker-registry does not answer")
}
