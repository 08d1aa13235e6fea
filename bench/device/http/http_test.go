package http

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/bench/device"
	"havn/dfu"
)

// canned serves connections on loopback: each request gets the next answer,
// and an empty one ends its connection. The requests come out of the channel.
func canned(t *testing.T, answers ...string) (address string, requests <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	seen := make(chan string, len(answers))
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			for in := bufio.NewReader(conn); len(answers) > 0; {
				r, err := http.ReadRequest(in)
				if err != nil {
					break
				}
				body, _ := io.ReadAll(r.Body)
				user, password, _ := r.BasicAuth()
				seen <- fmt.Sprintf("%s %s %s:%s %s %s", r.Method, r.URL, user, password,
					r.Header.Get("Content-Type"), body)
				answer := answers[0]
				answers = answers[1:]
				if _, err := io.WriteString(conn, answer); err != nil || answer == "" {
					break
				}
			}
			conn.Close()
		}
	})
	t.Cleanup(func() { l.Close(); done.Wait() })
	return l.Addr().String(), seen
}

func newTransport(t *testing.T, address string) *Transport {
	t.Helper()
	h := &Transport{Address: address, Device: dfu.Device{Application: "app", Name: "a@b%"}, Password: "pw"}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// response is one as a gateway sends it.
func response(code string, body string, more ...string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s",
		code, len(body), strings.Join(more, ""), body)
}

const isCommand = "command: dfu\r\n"

func TestHTTPAnswers(t *testing.T) {
	head := len(response("200 OK", "", isCommand)) + len("1234") - len("0")
	full := strings.Repeat("x", Buffer-head)
	tests := []struct {
		name, answer string
		want         string // command
		kinds        []device.Kind
		broken       device.Kind // instead of a command
	}{
		{"good", response("200 OK", "hi", isCommand), "hi", nil, ""},
		{"name in another case", response("201 Created", "hi", "Command: dfu\r\n"), "hi", nil, ""},
		{"empty", response("202 Accepted", ""), "", []device.Kind{device.NotCommand}, ""},
		{"another command", response("200 OK", "hi", "command: reboot\r\n"), "hi", []device.Kind{device.NotCommand}, ""},
		{"full", response("200 OK", full, isCommand), full, nil, ""},
		{"over full", response("200 OK", full+"x", isCommand), "", nil, OverBuffer},
		{"endless head", "HTTP/1.1 200 OK\r\nX: " + full + full, "", nil, OverBuffer},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "", nil, BadLength},
		{"no length", "HTTP/1.1 200 OK\r\n\r\nhi", "", nil, BadLength},
		{"longer than it says", response("200 OK", "hi", isCommand) + "!", "", nil, BadLength},
		{"no HTTP", "SSH-2.0\r\n\r\n", "", nil, device.Undecodable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address, requests := canned(t, tt.answer)
			a, err := newTransport(t, address).Exchange(t.Context(), []byte("status"))
			var v device.Violation
			if errors.As(err, &v); v.Kind != tt.broken || (err != nil && tt.broken == "") {
				t.Fatalf("%v, want %q", err, tt.broken)
			}
			if string(a.Command) != tt.want {
				t.Errorf("command %q", a.Command)
			}
			var kinds []device.Kind
			for _, v := range a.Violations {
				kinds = append(kinds, v.Kind)
			}
			if !slices.Equal(kinds, tt.kinds) {
				t.Errorf("violations %v, want %v", a.Violations, tt.kinds)
			}
			want := "POST /v1/dfu?ct=30 a%40b%25@app:pw application/cbor status"
			if got := <-requests; got != want {
				t.Errorf("request %s, want %s", got, want)
			}
		})
	}
}

func TestHTTPCodes(t *testing.T) {
	for status, want := range map[string]codes.Code{
		"400 Bad Request":           codes.BadRequest,
		"403 Forbidden":             codes.Forbidden,
		"404 Not Found":             codes.NotFound,
		"500 Internal Server Error": codes.InternalServerError,
		"503 Service Unavailable":   codes.ServiceUnavailable,
	} {
		address, _ := canned(t, response(status, "why"))
		_, err := newTransport(t, address).Exchange(t.Context(), nil)
		var code *device.CodeError
		if !errors.As(err, &code) || code.Code != want || !strings.Contains(err.Error(), status) {
			t.Errorf("%s: %v", status, err)
		}
	}
}

// TestHTTPEveryPrefix: an answer that is cut off is an error, and no end of
// the device.
func TestHTTPEveryPrefix(t *testing.T) {
	whole := response("200 OK", "hi", isCommand)
	for i := 1; i < len(whole); i++ {
		address, _ := canned(t, whole[:i])
		a, err := newTransport(t, address).Exchange(t.Context(), nil)
		if err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%q: %q, %v", whole[:i], a.Command, err)
		}
	}
}

func TestHTTPKeepAlive(t *testing.T) {
	good := response("200 OK", "hi", isCommand)
	address, requests := canned(t, good, good, "", good)
	h := newTransport(t, address)
	h.KeepAlive = true
	for i, ok := range []bool{true, true, false, true} {
		open := h.conn
		_, err := h.Exchange(t.Context(), nil)
		if (err == nil) != ok {
			t.Errorf("exchange %d: %v", i, err)
		}
		if i == 1 && h.conn != open {
			t.Error("the connection is not kept")
		}
	}
	if len(requests) != 4 {
		t.Errorf("%d requests", len(requests))
	}
}

func TestHTTPSilence(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h := newTransport(t, l.Addr().String())
	h.Timeout = time.Millisecond
	if _, err := h.Exchange(t.Context(), nil); err == nil {
		t.Error("no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Exchange(ctx, nil); err == nil {
		t.Error("no error after the end of the context")
	}
}
