package http

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"havn/telemetry"
)

// TestEndWithSilentClients: those that are connected and say nothing do not
// hold up the end.
func TestEndWithSilentClients(t *testing.T) {
	w := newWorld(t, blinky, Chunks{}, telemetry.Upstream{})
	s, stop := w.serve(t, Config{})
	idle := dial(t, s)
	ask(t, idle, request(first))
	half := dial(t, s)
	if _, err := io.WriteString(half, "POST /v1/dfu"); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	stop()
	if took := time.Since(start); took > 2*shutdown {
		t.Errorf("the end took %v", took)
	}
	for _, conn := range []net.Conn{idle, half} {
		if got, err := io.ReadAll(conn); len(got) > 0 && !bytes.HasPrefix(got, []byte("HTTP/1.1 4")) {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// TestSlowClients: who does not finish a request loses the connection, who
// does not ask loses it a little later. Time is not real here.
func TestSlowClients(t *testing.T) {
	w := newWorld(t, blinky, Chunks{}, telemetry.Upstream{})
	synctest.Test(t, func(t *testing.T) {
		pipes := newPipes()
		s, err := listen(Config{Listen: "127.0.0.1:0"}, w.Handler)
		if err != nil {
			t.Fatal(err)
		}
		s.listener.Close()
		s.listener = listener{pipes}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		for name, tt := range map[string]struct {
			send string
			want time.Duration
		}{
			"silent":        {"", readTimeout},
			"no whole head": {request(first)[:50], readTimeout},
			"no whole body": {request(first)[:len(request(first))-1], readTimeout},
			"idle":          {request(first), idleTimeout},
		} {
			conn := pipes.dial()
			start := time.Now()
			go func() { _, _ = io.WriteString(conn, tt.send) }()
			_, _ = io.Copy(io.Discard, conn)
			if took := time.Since(start); took < tt.want || took > tt.want+time.Second {
				t.Errorf("%s: %v, want %v", name, took, tt.want)
			}
			conn.Close()
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// pipes is a listener in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestCrowd: while many connections are open, none is kept.
func TestCrowd(t *testing.T) {
	w := newWorld(t, blinky, Chunks{}, telemetry.Upstream{})
	s, stop := w.serve(t, Config{})
	w.connections.Add(crowd)
	conn := dial(t, s)
	if head, _ := ask(t, conn, request(first)); !strings.Contains(head, "Connection: close\r\n") {
		t.Errorf("head %q", head)
	}
	if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("%d bytes, %v", n, err)
	}
	w.connections.Add(-crowd)
	stop()
}

// TestServerComplaints: what package net/http says is not lost, and no flood.
func TestServerComplaints(t *testing.T) {
	up := telemetry.Upstream{Telemetry: func(_, _, _, _ string, _ []byte) error { panic("upstream is broken") }}
	w := newWorld(t, blinky, Chunks{}, up)
	s, stop := w.serve(t, Config{})
	for range 3 {
		conn := dial(t, s)
		if _, err := io.WriteString(conn, strings.Replace(request(nil), "dfu", "temp", 1)); err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(conn); len(got) != 0 {
			t.Errorf("%q", got)
		}
	}
	stop()
	if n := strings.Count(w.log.String(), "upstream is broken"); n != 1 {
		t.Errorf("%d lines are logged:\n%s", n, w.log)
	}
}
