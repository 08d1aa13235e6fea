package wire

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve answers hello on a front.
func serve(t *testing.T) (*Front, string) {
	f, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	server := &http.Server{Handler: f.Spoil("", hello)}
	done := make(chan error)
	go func() { done <- server.Serve(f) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		_ = server.Close()
		<-done
	})
	return f, "http://" + f.Addr().String()
}

func get(url string) (*http.Response, string, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

func TestModes(t *testing.T) {
	f, url := serve(t)
	if _, text, err := get(url); err != nil || text != "hello" {
		t.Fatalf("%q, %v", text, err)
	}
	f.Set(Away)
	if _, text, err := get(url); err == nil {
		t.Errorf("answers %q although it is away", text)
	}
	f.Set(Hang)
	conn, err := net.Dial("tcp", f.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
	_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Error("answers although it hangs")
	}
	f.Set(Up)
	if _, text, err := get(url); err != nil || text != "hello" {
		t.Errorf("%q, %v", text, err)
	}
	if n := f.Counter(); n.Connections < 3 || n.Sent == 0 || n.Received == 0 {
		t.Errorf("%+v", n)
	}
}

func TestFaults(t *testing.T) {
	f, url := serve(t)
	f.Inject(Fault{Times: 1, Status: 429, RetryAfter: time.Minute})
	f.Inject(Fault{Times: 1, Status: 503, RetryAfter: time.Minute, RetryDate: true})
	f.Inject(Fault{Times: 1, Half: true})
	f.Inject(Fault{Method: "PUT", Status: 500})
	for _, want := range []struct {
		code   int
		header string // of Retry-After, its end
	}{{429, "60"}, {503, "GMT"}} {
		resp, _, err := get(url)
		if err != nil || resp.StatusCode != want.code || !strings.HasSuffix(resp.Header.Get("Retry-After"), want.header) {
			t.Errorf("%+v, %v", resp, err)
		}
	}
	if _, text, err := get(url); err == nil {
		t.Errorf("the whole answer arrived: %q", text)
	}
	if resp, text, err := get(url); err != nil || resp.StatusCode != 200 || text != "hello" {
		t.Errorf("%q, %v", text, err)
	}
	if n := f.Counter().Requests["GET spoiled"]; n != 2 {
		t.Errorf("%d spoiled", n)
	}
}
