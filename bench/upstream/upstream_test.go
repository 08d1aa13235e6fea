package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"havn/bench"
	"havn/bench/backend"
	"havn/bench/report/reporttest"
)

// TestUpstream: each Write is more than a step of progress, so that devices have
// as many events as they can.
func TestUpstream(t *testing.T) {
	t.Parallel()
	lines := 0
	u := Benchmark{Devices: 3, Size: 5 * 256, Chunk: 256, Progress: func(string) { lines++ }}
	r, err := u.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g := r.Gateway
	if g.BlobFetches != 1 {
		t.Errorf("%d devices caused %d fetches, want 1", u.Devices, g.BlobFetches)
	}
	if g.EventsMax >= 10 || g.EventsMean > float64(g.EventsMax) || g.Events < 5*u.Devices {
		t.Errorf("%d events, at most %d of one device: want one per Write, and fewer than 10",
			g.Events, g.EventsMax)
	}
	if m := r.Messages; m.Writes != 5*3 || m.Swaps != 3 || m.Syncs != 3 {
		t.Errorf("%+v, want 5 Writes, a Swap and a Sync per device", m)
	}
	sums(t, r)
	if lines != 2 {
		t.Errorf("%d lines of progress, want 2", lines)
	}
	if r.Polling.Up == 0 || r.Polling.Down == 0 {
		t.Errorf("a look at what is new took %+v", r.Polling)
	}
	fields := reporttest.Fields(t, r)
	total, _ := fields["gateway"].(map[string]any)["total"].(map[string]any)
	if up, ok := total["up_bytes"].(float64); !ok || up == 0 {
		t.Errorf("no up_bytes in JSON: %v", fields["gateway"])
	}
	reporttest.Render(t, r, "3 devices", "GET blobs", "PUT /apps", "looks every 60 s")
}

// sums checks that the parts of a report are its totals, and what each request
// must have moved.
func sums(t *testing.T, r *Report) {
	t.Helper()
	var all Traffic
	for _, s := range r.Gateway.Servers {
		all = all.plus(s.Traffic)
	}
	if all != r.Gateway.Total || r.Gateway.UpPerDevice*3 != float64(all.Up) {
		t.Errorf("the servers make %+v, the total is %+v", all, r.Gateway.Total)
	}
	if down := r.Gateway.Servers[0].Down; down < uint64(r.Firmware) {
		t.Errorf("%d bytes of the image registry, fewer than the firmware", down)
	}
	endpoint := r.Gateway.Servers[2]
	n := endpoint.Requests["Publish"]
	if n != uint64(r.Gateway.Events) || endpoint.Server != backend.Endpoint {
		t.Errorf("%s got %d packets for %d events", endpoint.Server, n, r.Gateway.Events)
	}
}

// TestUpstreamNoticesFetches: without a device there is none.
func TestUpstreamNoticesFetches(t *testing.T) {
	u := Benchmark{Devices: 1, Size: 100, Chunk: 16}
	c := &campaign{Benchmark: u, meters: meters{}}
	if err := c.open(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	defer c.backend.Close()
	defer c.gateway.Close()
	err := c.meters.during(t.Context(), func(ctx context.Context) error {
		return c.collect(ctx, &Report{})
	})
	if !errors.Is(err, bench.ErrFetches) {
		t.Errorf("%v, want bench.ErrFetches", err)
	}
	m := &meter{}
	m.up.Add(1)
	if err := c.agree(t.Context(), m, "mqtt"); !errors.Is(err, errBytes) {
		t.Errorf("%v, want errBytes", err)
	}
}

// TestUpstreamEnds: with its context, and leaves nothing behind.
func TestUpstreamEnds(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancelCause(t.Context())
	over := errors.New("over")
	u := Benchmark{Devices: 2, Size: 1 << 10, Chunk: 16, Progress: func(string) { stop(over) }}
	if _, err := u.Run(ctx); !errors.Is(err, over) && !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the end of the context", err)
	}
}

// TestMeter: both directions are counted, to the last byte after one of them
// has ended.
func TestMeter(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() { answered <- answerAtEnd(server) }()
	all := meters{}
	front, err := all.add("server", server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	away, err := all.add("away", closedPort(t))
	if err != nil {
		t.Fatal(err)
	}
	err = all.during(t.Context(), func(context.Context) error {
		if got := ask(t, away, "hello"); got != "" {
			t.Errorf("a server that is away answered %q", got)
		}
		if got := ask(t, front, "hello"); got != "a longer answer" {
			t.Errorf("answer %q", got)
		}
		return <-answered
	})
	if want := (Traffic{5, 15}); err != nil || all.traffic()["server"] != want {
		t.Errorf("%+v, %v, want %+v", all.traffic()["server"], err, want)
	}
	if _, err := net.DialTimeout("tcp", front, time.Second); err == nil {
		t.Error("the relay still listens")
	}
}

// answerAtEnd answers one connection when its client has said all.
func answerAtEnd(l net.Listener) error {
	defer l.Close()
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.ReadAll(conn); err != nil {
		return err
	}
	_, err = io.WriteString(conn, "a longer answer")
	return err
}

// ask says something, and returns what comes back until the end.
func ask(t *testing.T, address, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// Where the other side has ended already, there is no answer either.
	_, _ = io.WriteString(conn, text)
	_ = conn.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

// closedPort returns an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
