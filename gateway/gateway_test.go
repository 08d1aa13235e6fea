package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"havn/bench/device"
	"havn/dfu"
	"havn/gateway/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shutdownLimit is what the gateway promises.
const shutdownLimit = 5 * time.Second

// testConfig is a gateway on loopback and free ports.
func testConfig(t *testing.T) config.Config {
	t.Helper()
	cfg := config.Default()
	cfg.Data = filepath.Join(t.TempDir(), "data")
	cfg.CoAP.Listen, cfg.Admin.Listen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Update.Retry, cfg.Update.Poll = time.Second, time.Second
	return cfg
}

func mustNew(t *testing.T, cfg config.Config, local *LocalFile) *Gateway {
	t.Helper()
	g, err := New(cfg, local, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// running is a gateway that serves.
type running struct {
	*Gateway
	t      *testing.T
	client *http.Client
	cancel context.CancelFunc
	ended  chan error
}

// start runs a gateway until stop, or the end of the test.
func start(t *testing.T, cfg config.Config, local *LocalFile) *running {
	t.Helper()
	r := &running{Gateway: mustNew(t, cfg, local), t: t, ended: make(chan error, 1)}
	once := &http.Transport{DisableKeepAlives: true}
	r.client = &http.Client{Transport: once, Timeout: 10 * time.Second}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() {
		r.ended <- r.Run(ctx)
		close(r.ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-r.ended
	})
	return r
}

// stop ends the gateway and fails if that takes too long.
func (r *running) stop() {
	r.t.Helper()
	begin := time.Now()
	r.cancel()
	if err := <-r.ended; err != nil {
		r.t.Errorf("Run: %v", err)
	}
	if took := time.Since(begin); took > shutdownLimit {
		r.t.Errorf("the shutdown took %s, more than %s", took, shutdownLimit)
	}
}

// do sends a request with header lines "Name: value".
func (r *running) do(method, path, body string, header ...string) (*http.Response, string) {
	r.t.Helper()
	url := r.AdminURL() + path
	req, err := http.NewRequestWithContext(r.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, string(text)
}

// expect sends a request without a body and wants the status.
func (r *running) expect(status int, method, path string, header ...string) string {
	r.t.Helper()
	resp, body := r.do(method, path, "", header...)
	if resp.StatusCode != status {
		r.t.Errorf("%s %s %q: %s, want %d\n%s", method, path, header, resp.Status, status, body)
	}
	return body
}

func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !check(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// update runs a device of mode "write" or "block" until it is in sync.
func (r *running) update(mode, name string, cfg device.Config) (*device.Device, device.Result) {
	r.t.Helper()
	client, err := device.Dial(r.Addr("coap").String(), device.Transmission{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer client.Close()
	link := &device.CoAP{Client: client, Device: dfu.Device{Application: "app", Name: name}}
	d, err := newDevice(mode, cfg, link)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	result, err := d.Run(ctx)
	if err != nil || len(result.Violations) > 0 {
		r.t.Fatalf("device %s: %v, violations %v", name, err, result.Violations)
	}
	return d, result
}

func newDevice(mode string, cfg device.Config, c *device.CoAP) (*device.Device, error) {
	cfg.Version, cfg.Backoff = "old", 50*time.Millisecond
	if mode == "block" {
		return device.NewBlock(cfg, c)
	}
	return device.New(cfg, c)
}

// localFile is firmware of n bytes that every device gets.
func localFile(t *testing.T, n int) (*LocalFile, []byte) {
	t.Helper()
	data := bytes.Repeat([]byte("havn\x00\xff"), n/6+1)[:n]
	path := filepath.Join(t.TempDir(), "firmware.bin")
	write(t, path, data)
	return &LocalFile{Path: path, Version: "v1"}, data
}

func TestReadiness(t *testing.T) {
	g := mustNew(t, testConfig(t), nil)
	defer g.Close()
	if code := readiness(g); code != http.StatusServiceUnavailable {
		t.Errorf("before Run: %d", code)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	eventually(t, "the gateway is ready", func() bool { return readiness(g) == http.StatusOK })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if code := readiness(g); code != http.StatusServiceUnavailable {
		t.Errorf("after Run: %d", code)
	}
}

func TestRunServesAndFreesItsPorts(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	local, data := localFile(t, 5001)
	r := start(t, cfg, local)
	for _, mode := range []string{"write", "block"} {
		d, _ := r.update(mode, mode, device.Config{})
		if !bytes.Equal(d.Image(), data) {
			t.Errorf("%s: the device got other bytes", mode)
		}
	}
	cfg.CoAP.Listen = r.Addr("coap").String()
	cfg.Admin.Listen = strings.TrimPrefix(r.AdminURL(), "http://")
	r.stop()
	again := start(t, cfg, nil)
	again.expect(http.StatusOK, "GET", "/healthz")
	row := again.expect(http.StatusOK, "GET", "/api/v1/devices/app/write")
	if !strings.Contains(row, `"current":"v1"`) {
		t.Errorf("the row was not kept: %s", row)
	}
}

func TestFrontsMayBeOff(t *testing.T) {
	cfg := testConfig(t)
	cfg.CoAP.Listen, cfg.Admin.Listen = "", ""
	r := start(t, cfg, nil)
	if r.Addr("coap").IsValid() || r.AdminURL() != "" {
		t.Errorf("got %v and %q", r.Addr("coap"), r.AdminURL())
	}
	r.stop()
}

// What New refuses leaves nothing behind: the same directory opens at once.
func TestNewRefuses(t *testing.T) {
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	missing := filepath.Join(t.TempDir(), "missing.bin")
	tests := []struct {
		name   string
		change func(*config.Config)
		local  *LocalFile
		want   []string
	}{
		{"CoAP port in use", func(c *config.Config) { c.CoAP.Listen = udp.LocalAddr().String() }, nil,
			[]string{"coap", udp.LocalAddr().String(), "address already in use"}},
		{"admin port in use", func(c *config.Config) { c.Admin.Listen = tcp.Addr().String() }, nil,
			[]string{"admin.listen", tcp.Addr().String(), "address already in use"}},
		{"firmware file missing", func(*config.Config) {}, &LocalFile{missing, "v1"},
			[]string{missing}},
		{"chunk sizes", func(c *config.Config) { c.Chunks.CoAP.BlockSize = 100 }, nil,
			[]string{"block_size", "100"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := testConfig(t)
			good := cfg
			tt.change(&cfg)
			_, err := New(cfg, tt.local, slog.New(slog.DiscardHandler))
			wantError(t, err, tt.want...)
			mustNew(t, good, nil).Close()
		})
	}
}

func TestStateDirectoryInUse(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	r := start(t, cfg, nil)
	_, err := New(cfg, nil, slog.New(slog.DiscardHandler))
	wantError(t, err, cfg.Data, "is another gateway running")
	r.stop()
	mustNew(t, cfg, nil).Close()
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		err = errors.New("no error")
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}
