package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"havn/gateway/config"
	"havn/upstream/oci"
)

// hangingRegistry accepts requests and never answers. The channel gets the
// path of each.
func hangingRegistry(t *testing.T) (host string, asked <-chan string) {
	t.Helper()
	paths, over := make(chan string, 100), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		paths <- r.URL.Path
		select {
		case <-over:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() {
		close(over)
		server.Close()
	})
	return strings.TrimPrefix(server.URL, "http://"), paths
}

// from lets a gateway pull from host, and every device want image.
func from(cfg *config.Config, host, image string) {
	cfg.Firmware.Registries = []oci.Registry{{Host: host, PlainHTTP: true}}
	cfg.Firmware.Desired = []config.Rule{{Application: "app", Container: &oci.Ref{Image: host + "/" + image}}}
}

func TestShutdownWhileTheRegistryHangs(t *testing.T) {
	host, asked := hangingRegistry(t)
	cfg := testConfig(t)
	from(&cfg, host, "team/fw:v1")
	r := start(t, cfg, nil)
	<-asked
	r.stop()
}

// An operator's request that waits for the registry ends with the gateway.
func TestShutdownDuringAnAssignment(t *testing.T) {
	host, asked := hangingRegistry(t)
	cfg := testConfig(t)
	cfg.Firmware.Registries = []oci.Registry{{Host: host, PlainHTTP: true}}
	r := start(t, cfg, nil)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		body := strings.NewReader(`{"container":{"image":"` + host + `/team/fw:v1"}}`)
		req, err := http.NewRequest(http.MethodPut, r.AdminURL()+"/api/v1/devices/app/d/desired", body)
		if err != nil {
			t.Error(err)
			return
		}
		if resp, err := r.client.Do(req); err == nil { // cut off or answered, both will do
			_ = resp.Body.Close()
		}
	}()
	<-asked
	begin := time.Now()
	r.stop()
	if took := time.Since(begin); took >= 3*time.Second {
		t.Errorf("the shutdown took %s: it waited for the request", took)
	}
	<-answered
}

// Clients that hold a connection open, idle or in the middle of a request, do
// not hold up the shutdown. Those that send enough have got an answer before.
func TestShutdownWithOpenConnections(t *testing.T) {
	const put = "PUT /api/v1/devices/a/d/desired HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n"
	for _, tt := range []struct {
		name, sent string
		answered   bool
	}{
		{"silent", "", false},
		{"half a request", "GET /api/v1/devices HTTP/1.1\r\nHost: ", false},
		{"half a body", put + "Expect: 100-continue\r\n\r\n{", true},
		{"idle keep-alive", "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, testConfig(t), nil)
			conn, err := net.Dial("tcp", strings.TrimPrefix(r.AdminURL(), "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write([]byte(tt.sent)); err != nil {
				t.Fatal(err)
			}
			if tt.answered {
				if _, err := conn.Read(make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
			}
			r.expect(http.StatusOK, "GET", "/readyz") // accepted after the other connection
			r.stop()
		})
	}
}

// A part that fails ends the others, and Run says which it was.
func TestRunFailsAsAWhole(t *testing.T) {
	g := mustNew(t, testConfig(t), nil)
	g.runs = append(g.runs, func(context.Context) error { return errors.New("front x: the socket broke") })
	wantError(t, g.Run(t.Context()), "front x", "the socket broke")
}

// A gateway that cannot be made says why, and leaves nothing open.
func TestNewFailsAsAWhole(t *testing.T) {
	cfg := testConfig(t)
	broken := cfg
	broken.Admin.Certificate, broken.Admin.Key = "missing.crt", "missing.key"
	_, err := New(broken, nil, slog.New(slog.DiscardHandler))
	wantError(t, err, "admin", "missing.crt")
	start(t, cfg, nil).stop() // on the same data
}
