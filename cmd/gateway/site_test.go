package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"havn/upstream/oci"
)

// site is a gateway as a process of its own, with its state in a directory.
type site struct {
	t       *testing.T
	dir     string
	coap    string // HOST:PORT
	admin   admin
	process *exec.Cmd
	output  *bytes.Buffer
}

// newSite writes the configuration; host is the registry it may pull from, and
// more is YAML for the top level.
func newSite(t *testing.T, host, more string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), coap: freePort(t, "udp"), admin: admin{url: "http://" + freePort(t, "tcp")}}
	config := fmt.Sprintf(`data: %q
coap: {listen: %q}
admin: {listen: %q}
update: {retry: 1s}
firmware:
  refresh: 1s
  registries: [{host: %q, plain_http: true}]
%s`, filepath.Join(s.dir, "data"), s.coap, strings.TrimPrefix(s.admin.url, "http://"), host, more)
	s.write("gateway.yaml", []byte(config))
	return s
}

func freePort(t *testing.T, network string) string {
	t.Helper()
	if network == "udp" {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.LocalAddr().String()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s *site) write(name string, data []byte) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// start starts the gateway and returns when it is ready.
func (s *site) start() {
	s.t.Helper()
	s.output = &bytes.Buffer{}
	s.process = exec.Command(os.Args[0], "run", "--config", filepath.Join(s.dir, "gateway.yaml"))
	s.process.Env = append(os.Environ(), asGateway+"=1")
	s.process.Stdout, s.process.Stderr = s.output, s.output
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(s.kill)
	s.eventually("the gateway is ready", func() error { return s.get("/readyz", nil) })
}

// kill ends the process as a power cut does.
func (s *site) kill() {
	if s.process.ProcessState == nil {
		_ = s.process.Process.Kill()
		_ = s.process.Wait()
	}
	if s.t.Failed() {
		s.t.Logf("the gateway said:\n%s", s.output)
	}
}

// stop ends the process as systemd does.
func (s *site) stop() {
	s.t.Helper()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	if err := s.process.Wait(); err != nil {
		s.t.Errorf("the gateway ended with %v\n%s", err, s.output)
	}
}

func (s *site) get(path string, out any) error {
	return s.admin.call(context.Background(), http.MethodGet, path, nil, out)
}

// metrics returns the text of /metrics.
func (s *site) metrics() string {
	s.t.Helper()
	resp, err := http.Get(s.admin.url + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// eventually waits for a condition that other processes bring about.
func (s *site) eventually(what string, check func() error) {
	s.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("waiting until %s: %v\n%s", what, err, s.output)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// gateway runs another command of the binary and returns what it printed.
func (s *site) gateway(args ...string) (string, error) {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asGateway+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("gateway %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), err
}

func (s *site) must(args ...string) string {
	s.t.Helper()
	out, err := s.gateway(args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// fakeRegistry is an OCI registry in memory.
func fakeRegistry(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return server
}

func random(t *testing.T, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

// publish pushes image as version.
func publish(t *testing.T, path, image, version string) oci.PushResult {
	t.Helper()
	result, err := oci.Push(t.Context(), oci.PushOptions{File: path, Image: image, Version: version, PlainHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

var errNotYet = errors.New("not yet")
