package main

import (
	crand "crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"havn/upstream/oci"
)

// site is a gateway as a process of its own, with its state in a directory.
type site struct {
	t       *testing.T
	dir     string
	coap    string // HOST:PORT
	admin   admin
	process *exec.Cmd
	output  *transcript
}

// transcript is what processes print. It may be read while they do.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
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

func (s *site) write(name string, data []byte) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// configure changes the text of the configuration.
func (s *site) configure(change func(text string) string) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "gateway.yaml"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("gateway.yaml", []byte(change(string(text))))
}

// append adds top-level YAML to the configuration; a section of one line that
// was there before is replaced.
func (s *site) append(section string) {
	s.t.Helper()
	key, _, _ := strings.Cut(section, ":")
	s.configure(func(text string) string {
		var kept strings.Builder
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, key+":") {
				kept.WriteString(line)
			}
		}
		return kept.String() + section
	})
}

// start starts the gateway and returns when it is ready. args go after those
// that name the configuration.
func (s *site) start(args ...string) {
	s.t.Helper()
	if s.process == nil {
		s.t.Cleanup(s.kill)
	}
	s.output = &transcript{}
	args = append([]string{"run", "--config", filepath.Join(s.dir, "gateway.yaml")}, args...)
	s.process = exec.Command(os.Args[0], args...)
	s.process.Env = append(os.Environ(), asGateway+"=1")
	s.process.Stdout, s.process.Stderr = s.output, s.output
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
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

// shutdownLimit is what the gateway promises.
const shutdownLimit = 5 * time.Second

// stop ends the process as systemd does.
func (s *site) stop() {
	s.t.Helper()
	begin := time.Now()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	if err := s.process.Wait(); err != nil {
		s.t.Errorf("the gateway ended with %v\n%s", err, s.output)
	}
	if took := time.Since(begin); took > shutdownLimit {
		s.t.Errorf("the shutdown took %s, more than %s", took, shutdownLimit)
	}
}

func (s *site) get(path string, out any) error {
	resp, err := http.Get(s.admin.url + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode != http.StatusOK:
		return errors.New(resp.Status)
	case out == nil:
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
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
	eventually(s.t, what, check)
}

func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waiting until %s: %v", what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// gateway runs another command of the binary and returns what it printed.
func (s *site) gateway(args ...string) (stdout, stderr string, err error) {
	var out, errs strings.Builder
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asGateway+"=1")
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("gateway %s: %w\n%s", strings.Join(args, " "), err, &errs)
	}
	return out.String(), errs.String(), err
}

// must runs a command and returns all that it printed.
func (s *site) must(args ...string) string {
	s.t.Helper()
	stdout, stderr, err := s.gateway(args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return stdout + stderr
}

// json runs a command that prints one JSON document and nothing else.
func (s *site) json(out any, args ...string) {
	s.t.Helper()
	stdout, _, err := s.gateway(args...)
	if err == nil {
		err = json.Unmarshal([]byte(stdout), out)
	}
	if err != nil {
		s.t.Fatalf("%v: %v\n%s", args, err, stdout)
	}
}

// refused runs a command that must fail with the exit status and say all of want.
func (s *site) refused(status int, args []string, want ...string) {
	s.t.Helper()
	_, _, err := s.gateway(args...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != status {
		s.t.Errorf("%v: %v, want exit status %d", args, err, status)
		return
	}
	for _, text := range want {
		if !strings.Contains(err.Error(), text) {
			s.t.Errorf("%v: %v\ndoes not say %q", args, err, text)
		}
	}
}

func random(t *testing.T, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := crand.Read(b); err != nil {
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
