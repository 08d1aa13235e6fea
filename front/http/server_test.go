package http

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"havn/dfu"
	"havn/front"
	"havn/front/fronttest"
	"havn/telemetry"
	"havn/update/updatetest"
)

// serve runs a server over w until the test ends, or the returned stop is called.
func (w *world) serve(t testing.TB, cfg Config) (s *Server, stop func()) {
	t.Helper()
	cfg.Listen = "127.0.0.1:0"
	s, err := listen(cfg, w.Handler)
	if err != nil {
		t.Fatal(err)
	}
	end := fronttest.Run(t, s)
	stop = func() {
		end()
		if n := w.connections.Load(); n != 0 {
			t.Errorf("%d connections after the end", n)
		}
	}
	t.Cleanup(stop)
	return s, stop
}

// request is one as the reference client writes it.
func request(body []byte, more ...string) string {
	return "POST /v1/dfu?ct=30 HTTP/1.1\r\n" +
		"Authorization: " + basicAuth("dev@edge") + "\r\n" +
		"Host: gateway\r\n" +
		"Content-Type: application/cbor\r\n" +
		fmt.Sprintf("Content-Length: %d\r\n", len(body)) +
		strings.Join(more, "") + "\r\n" + string(body)
}

func dial(t testing.TB, s *Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// ask sends what is given and reads one response, head and body.
func ask(t testing.TB, conn net.Conn, raw string) (head string, body []byte) {
	t.Helper()
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatal(err)
	}
	var got []byte
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		got = append(got, buf[:n]...)
		end := bytes.Index(got, []byte("\r\n\r\n")) + 4
		if end >= 4 {
			resp, parseErr := http.ReadResponse(bufio.NewReader(bytes.NewReader(got[:end])), nil)
			if parseErr != nil {
				t.Fatal(parseErr)
			}
			resp.Body.Close()
			if len(got)-end >= int(max(resp.ContentLength, 0)) {
				return string(got[:end]), got[end:]
			}
		}
		if err != nil {
			t.Fatalf("%q, %v", got, err)
		}
	}
}

// TestLongestAnswer fills 2048 bytes to the last word, in every form an answer
// has.
func TestLongestAnswer(t *testing.T) {
	f := updatetest.New("2.0.0-rc.1+build", 1<<20) // 16 bytes, as long as devices take
	w := newWorld(t, f, Chunks{Align: 1}, telemetry.Upstream{})
	s, _ := w.serve(t, Config{})
	body := dfu.Status{Version: []byte("1"), MTU: 2048, CorrelationID: dfu.Some(1 << 31), Updating: true,
		Update: dfu.Progress{Version: []byte(f.Version), Offset: 1 << 18}}.Append(nil)
	longest := 0
	for _, raw := range []string{
		request(body),
		request(body, "Connection: close\r\n"),
		request(body, "Connection: keep-alive\r\n"),
		strings.Replace(request(body), "HTTP/1.1", "HTTP/1.0", 1),
		strings.Replace(request(body, "Connection: keep-alive\r\n"), "HTTP/1.1", "HTTP/1.0", 1),
	} {
		head, body := ask(t, dial(t, s), raw)
		if cmd := parse(t, body); cmd.Op != dfu.OpWrite || len(body) != maxCommand {
			t.Errorf("%v of %d bytes, want %d", cmd.Op, len(body), maxCommand)
		}
		if !strings.Contains(head, "\r\ncommand: dfu\r\n") || !strings.Contains(head, "\r\nContent-Length: ") ||
			strings.Contains(head, "Content-Type") || strings.Contains(head, "chunked") {
			t.Errorf("head %q", head)
		}
		longest = max(longest, len(head)+len(body))
	}
	if longest != maxAnswer {
		t.Errorf("the longest answer has %d bytes, want %d", longest, maxAnswer)
	}
}

// TestKeepAlive asks in pieces, in one piece and in advance, over one connection.
func TestKeepAlive(t *testing.T) {
	w := newWorld(t, blinky, Chunks{}, telemetry.Upstream{})
	s, _ := w.serve(t, Config{})
	conn := dial(t, s)
	for i := range 20 {
		offset := uint32(i) * 1900
		raw := request(at(offset))
		if i%2 == 0 {
			for _, piece := range []string{raw[:4], raw[4:5], raw[5:40]} {
				if _, err := io.WriteString(conn, piece); err != nil {
					t.Fatal(err)
				}
			}
			raw = raw[40:]
		}
		_, body := ask(t, conn, raw)
		if cmd := parse(t, body); cmd.Op != dfu.OpWrite || cmd.Offset != offset {
			t.Fatalf("%v at %d, want Write at %d", cmd.Op, cmd.Offset, offset)
		}
	}
	if n := w.connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestErrorKeepsTheConnection: a device that was refused asks on.
func TestErrorKeepsTheConnection(t *testing.T) {
	w := newWorld(t, blinky, Chunks{}, telemetry.Upstream{})
	s, _ := w.serve(t, Config{})
	conn := dial(t, s)
	for _, want := range []string{"400", "200"} {
		body := first
		if want == "400" {
			body = first[:3]
		}
		if head, _ := ask(t, conn, request(body)); !strings.HasPrefix(head, "HTTP/1.1 "+want) {
			t.Errorf("%q, want %s", head, want)
		}
	}
}

func TestBounds(t *testing.T) {
	w := newWorld(t, blinky, Chunks{}, telemetry.Upstream{})
	s, _ := w.serve(t, Config{})
	start := time.Now()
	for raw, want := range map[string]string{
		request(nil, "X: "+strings.Repeat("x", 2*maxHeader)+"\r\n"):                                   "431",
		request(make([]byte, maxBody+1)):                                                              "413",
		strings.Replace(request(nil), "Content-Length: 0", "Content-Length: -1", 1):                   "400",
		strings.Replace(request(nil), "Content-Length: 0", "Transfer-Encoding: chunked", 1) + "x\r\n": "400",
		strings.Replace(request(nil), "Host: gateway\r\n", "", 1):                                     "400",
		"nonsense\r\n\r\n": "400",
	} {
		conn := dial(t, s)
		if head, _ := ask(t, conn, raw); !strings.HasPrefix(head, "HTTP/1.1 "+want) {
			t.Errorf("%.60q: %q, want %s", raw, head, want)
		}
		_, _ = io.Copy(io.Discard, conn) // the text of some errors, and the end or a reset
	}
	if took := time.Since(start); took > readTimeout/2 {
		t.Errorf("refusals took %v: something was waited for", took)
	}
}

// TestEveryPrefixOfARequest: what is cut off is never taken for a request, and
// is counted.
func TestEveryPrefixOfARequest(t *testing.T) {
	w := newWorld(t, blinky, Chunks{}, telemetry.Upstream{})
	s, stop := w.serve(t, Config{})
	raw := request(at(4))
	for i := range raw {
		conn := dial(t, s)
		_, err := io.WriteString(conn, raw[:i])
		if err == nil {
			err = conn.(*net.TCPConn).CloseWrite()
		}
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(conn)
		if bytes.HasPrefix(got, []byte("HTTP/1.1 2")) {
			t.Fatalf("%q: %q", raw[:i], got)
		}
		conn.Close()
	}
	stop()
	if n := w.Counts().Rejected(front.Malformed); n < uint64(len(raw))-2 {
		t.Errorf("%d of %d prefixes are counted", n, len(raw))
	}
	if n := len(w.engine.Devices("edge")); n != 0 {
		t.Errorf("%d devices", n)
	}
	if n := strings.Count(w.log.String(), "\n"); n != 1 {
		t.Errorf("%d lines are logged:\n%s", n, w.log)
	}
}

func TestListen(t *testing.T) {
	w := newWorld(t, blinky, Chunks{}, telemetry.Upstream{})
	s, err := listen(Config{Listen: "127.0.0.1:0"}, w.Handler)
	if err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]Config{
		"taken":      {Listen: s.Addr().String()},
		"no port":    {Listen: "127.0.0.1"},
		"no key":     {Listen: "127.0.0.1:0", Certificate: "x"},
		"no file":    {Listen: "127.0.0.1:0", Certificate: "/nowhere/c", Key: "/nowhere/k"},
		"taken, TLS": {Listen: s.Addr().String(), Certificate: "/nowhere/c", Key: "/nowhere/k"},
	} {
		if _, err := listen(cfg, w.Handler); err == nil || !strings.HasPrefix(err.Error(), "http") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", s.Addr().String()); err == nil {
		t.Error("the port is not free")
	}
}

// TestBrokenSocket: Serve tells when it cannot go on.
func TestBrokenSocket(t *testing.T) {
	w := newWorld(t, blinky, Chunks{}, telemetry.Upstream{})
	s, err := listen(Config{Listen: "127.0.0.1:0"}, w.Handler)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil {
		t.Error("no error")
	}
}
