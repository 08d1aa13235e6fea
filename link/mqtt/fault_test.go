package mqtt

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"havn/link"
)

var discard = slog.New(slog.DiscardHandler)

// answers is a broker that answers a CONNECT of MQTT 5 and one of 3.1.1, and
// then closes the connection, resets it, or takes nothing more.
type answers struct {
	v5, v3 string
	end    string // "", "reset" or "hang"
}

// serve returns where the broker is, and which versions it is asked for.
func (a answers) serve(t *testing.T) (url string, versions <-chan byte) {
	t.Helper()
	l, asked, ended := listen(t, "127.0.0.1:0"), make(chan byte, 1000), make(chan bool)
	var served sync.WaitGroup
	t.Cleanup(func() { close(ended); l.Close(); served.Wait() })
	served.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() { defer conn.Close(); a.greet(conn, asked, ended) })
		}
	})
	return "mqtt://" + l.Addr().String(), asked
}

func (a answers) greet(conn net.Conn, asked chan<- byte, ended <-chan bool) {
	var connect [128]byte
	if n, err := conn.Read(connect[:]); err != nil || n < 9 {
		return
	}
	asked <- connect[8]
	conn.Write([]byte(map[byte]string{5: a.v5, 4: a.v3}[connect[8]]))
	switch a.end {
	case "reset":
		conn.(*net.TCPConn).SetLinger(0)
	case "hang":
		<-ended
	}
}

// TestFallBack: a broker that may not know MQTT 5 is tried with MQTT 3.1.1,
// another one is not. What it answers is told once.
func TestFallBack(t *testing.T) {
	const both, one = "\x05\x04\x05\x04", "\x05\x05\x05"
	for name, tt := range map[string]struct {
		answers answers
		want    string
	}{
		"old refusal":     {answers{"\x20\x02\x00\x01", "\x20\x02\x00\x01", ""}, both},
		"new refusal":     {answers{"\x20\x03\x00\x84\x00", "", ""}, both},
		"silence":         {answers{"", "", ""}, both},
		"reset":           {answers{"", "", "reset"}, both},
		"half a packet":   {answers{"\x20\x03\x00", "\x20", ""}, both},
		"password":        {answers{"\x20\x03\x00\x86\x00", "", ""}, one},
		"not authorized":  {answers{"\x20\x03\x00\x87\x00", "", ""}, one},
		"unavailable":     {answers{"\x20\x03\x00\x88\x00", "", ""}, one},
		"no answer":       {answers{"", "", "hang"}, one},
		"half and no end": {answers{"\x20\x03\x00", "", "hang"}, one},
	} {
		t.Run(name, func(t *testing.T) {
			url, versions := tt.answers.serve(t)
			c, _, log := start(t, Config{URL: url}, hasty)
			for i := range tt.want {
				if got := <-versions; got != tt.want[i] {
					t.Errorf("attempt %d: MQTT version %d, want %d", i, got, tt.want[i])
				}
			}
			failures(t, c, 2)
			if c.Connected() || log.count("WARN") != 1 {
				t.Errorf("connected: %v, log: %s", c.Connected(), log)
			}
		})
	}
}

func failures(t *testing.T, c *Client, n uint64) {
	t.Helper()
	eventually(t, func() bool { return c.Stats().Failures.Load() >= n })
}

// TestStopsReading: a broker that takes no more holds up neither who publishes
// nor the end.
func TestStopsReading(t *testing.T) {
	for _, a := range []answers{
		{"\x20\x03\x00\x00\x00", "", "hang"}, {"\x20\x02\x00\x01", "\x20\x02\x00\x00", "hang"},
	} {
		url, _ := a.serve(t)
		c, stop := run(t, Config{URL: url}, Parts{Pace: Near, Filters: func() []string { return nil }, Log: discard})
		connected(t, c, 1)
		began := time.Now()
		time.AfterFunc(100*time.Millisecond, stop)
		for c.Publish("a", make([]byte, 1<<20)) == nil {
		}
		if stop(); time.Since(began) > 3*time.Second {
			t.Errorf("%q: ended after %v", a, time.Since(began))
		}
	}
}

// TestStranger: an account that cannot be read or is refused is told as such,
// and a better one is found.
func TestStranger(t *testing.T) {
	eachDialect(t, func(t *testing.T, _ *house, b *broker.Server, url string) {
		file := filepath.Join(t.TempDir(), "password")
		c, received, log := start(t, Config{URL: url, Username: "havn", PasswordFile: file}, hasty)
		failures(t, c, 3)
		write(t, file, "wrong\n")
		eventually(t, func() bool { return log.count(errAccount.Error()) > 0 })
		failures(t, c, c.Stats().Failures.Load()+3)
		err := c.Deliver(t.Context(), Message{Topic: "b"})
		if !errors.Is(err, ErrAway) || !errors.Is(err, errAccount) || log.count("WARN") != 2 {
			t.Errorf("%v, log: %s", err, log)
		}
		write(t, file, "right\n")
		connected(t, c, 1)
		exchange(t, b, c, received)
	})
}

// TestRetry: who mends something need not wait for the next turn.
func TestRetry(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	url := "mqtt://" + l.Addr().String()
	l.Close()
	c, _, _ := start(t, Config{URL: url}, func(p *Parts) { p.Pace.First, p.Pace.Last = time.Hour, time.Hour })
	failures(t, c, 1)
	_, stop := serve(t, listen(t, l.Addr().String()))
	defer stop()
	c.Retry()
	connected(t, c, 1)
}

// write replaces a file as a whole.
func write(t *testing.T, file, text string) {
	t.Helper()
	if err := errors.Join(os.WriteFile(file+".new", []byte(text), 0o600), os.Rename(file+".new", file)); err != nil {
		t.Fatal(err)
	}
}

// TestTakeover: a session that another client took is counted and told.
func TestTakeover(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	b, stop := serve(t, l)
	defer stop()
	c, _, log := start(t, Config{URL: "mqtt://" + l.Addr().String()}, hasty)
	connected(t, c, 1)
	for _, cl := range b.Clients.GetAll() {
		b.DisconnectClient(cl, packets.ErrSessionTakenOver)
	}
	connected(t, c, 2)
	if c.Stats().Takeovers.Load() != 1 || log.count("another client") != 1 {
		t.Errorf("%d takeovers, log: %s", c.Stats().Takeovers.Load(), log)
	}
}

// TestWaits: each wait is longer than the one before, that after a takeover
// much, and none is longer than it may.
func TestWaits(t *testing.T) {
	c, err := New(Config{URL: "mqtt://broker"}, Parts{Pace: Far, Log: discard})
	if err != nil {
		t.Fatal(err)
	}
	pace := link.NewBackoff(Far.First, Far.Last)
	for _, want := range []time.Duration{1, 2, 4, 8} {
		want *= time.Second
		if got := c.wait(pace, errLost); got < want/2 || got > want*3/2 {
			t.Errorf("waits %v, want %v more or less", got, want)
		}
	}
	for pace.Reset(); c.Stats().Takeovers.Load() < 10; {
		if got := c.wait(pace, errTakenOver); got < Far.First<<takenOver/2 || got > Far.Last*3/2 {
			t.Errorf("waits %v after a takeover", got)
		}
	}
}

// TestRefusedFilter: the others are subscribed, it is told, and tried again.
func TestRefusedFilter(t *testing.T) {
	eachDialect(t, func(t *testing.T, h *house, b *broker.Server, url string) {
		granted := make(chan string, 100)
		var filters atomic.Value
		filters.Store([]string{"denied/1", "a/+"})
		c, received, log := start(t, Config{URL: url}, func(p *Parts) {
			p.Filters = func() []string { return filters.Load().([]string) }
			p.Granted = func(f string, live bool) { granted <- map[bool]string{true: "+", false: "-"}[live] + f }
			p.QoS = 1
		})
		grant := func(want string) {
			t.Helper()
			if got := <-granted; got != want {
				t.Errorf("granted %s, want %s", got, want)
			}
		}
		grant("+a/+")
		exchange(t, b, c, received)
		eventually(t, func() bool { return log.count("denied/1") == 1 })
		if c.Connected() {
			t.Error("connected without all filters")
		}
		h.open.Store(true)
		c.Retry()
		grant("+denied/1")
		connected(t, c, 1)
		filters.Store([]string{"denied/1", "d"})
		c.Retry()
		grant("+d")
		kick(b)
		ended := map[string]bool{<-granted: true, <-granted: true, <-granted: true}
		if len(ended) != 3 || !ended["-a/+"] || !ended["-d"] {
			t.Errorf("ended: %v", ended)
		}
		grant("+denied/1")
		grant("+d")
	})
}
