package udp

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"havn/front/fronttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo answers each datagram with itself, and none that begins with "!".
type echo struct {
	answered, truncated atomic.Int64
}

func (e *echo) Handle(dst, datagram []byte, _ Peer) []byte {
	if bytes.HasPrefix(datagram, []byte("!")) {
		return dst
	}
	return append(dst, datagram[:min(len(datagram), MaxReply)]...)
}

func (e *echo) Truncated(dst, datagram []byte, _ Peer) []byte {
	e.truncated.Add(1)
	return append(dst, strconv.Itoa(len(datagram))...)
}

func (e *echo) Ignored(Peer)                    {}
func (e *echo) Answered(n int, _ time.Duration) { e.answered.Add(int64(n)) }

// start serves on address until the test ends, and checks that it ends well.
func start(t *testing.T, address string, readers int) (*Server, *echo) {
	t.Helper()
	e := new(echo)
	s, err := Listen(address, readers, e, nil)
	if err != nil {
		if strings.Contains(address, "[::") {
			t.Skip("no IPv6 here: ", err)
		}
		t.Fatal(err)
	}
	fronttest.Run(t, s)
	return s, e
}

func (s *Server) port() uint16 { return s.Addr().(*net.UDPAddr).AddrPort().Port() }

// client is a device on a socket of its own.
type client struct {
	t    *testing.T
	conn *net.UDPConn
	buf  [MaxDatagram]byte
}

func dial(t *testing.T, host string, port uint16) *client {
	t.Helper()
	to := netip.AddrPortFrom(netip.MustParseAddr(host), port)
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &client{t: t, conn: conn}
}

// ask sends a datagram and returns the next one that comes back. Like a device,
// it asks again when nothing comes.
func (c *client) ask(datagram string) string {
	c.t.Helper()
	for range 5 {
		if _, err := c.conn.Write([]byte(datagram)); err != nil {
			c.t.Fatal(err)
		}
		_ = c.conn.SetReadDeadline(time.Now().Add(2 * time.Second))
		n, err := c.conn.Read(c.buf[:])
		if err == nil {
			return string(c.buf[:n])
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			c.t.Fatal(err)
		}
	}
	c.t.Fatal("no answer")
	return ""
}

func TestServer(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
		for _, readers := range []int{1, 3} {
			t.Run(address+" "+strconv.Itoa(readers), func(t *testing.T) {
				s, _ := start(t, address, readers)
				hosts := []string{"127.0.0.1", "::1"}
				if at := s.Addr().(*net.UDPAddr).AddrPort().Addr(); !at.IsUnspecified() {
					hosts = []string{at.String()}
				}
				for _, host := range hosts {
					c := dial(t, host, s.port())
					if _, err := c.conn.Write([]byte("!silence")); err != nil {
						t.Fatal(err)
					}
					if got := c.ask("hello"); got != "hello" {
						t.Errorf("%v: %q", host, got)
					}
				}
			})
		}
	}
}

// TestReplySource: a host with several addresses answers from the one that was
// asked: a connected socket hears no other.
func TestReplySource(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux answers on all of 127.0.0.0/8")
	}
	for _, address := range []string{":0", "0.0.0.0:0"} {
		s, _ := start(t, address, 1)
		if got := dial(t, "127.9.8.7", s.port()).ask("hello"); got != "hello" {
			t.Errorf("%s: %q", address, got)
		}
	}
}

func TestTruncated(t *testing.T) {
	s, e := start(t, "127.0.0.1:0", 1)
	c := dial(t, "127.0.0.1", s.port())
	if got := c.ask(strings.Repeat("x", MaxDatagram)); len(got) != MaxReply || e.truncated.Load() != 0 {
		t.Errorf("a whole datagram: %d bytes", len(got))
	}
	for _, size := range []int{MaxDatagram + 1, 60_000} {
		if got := c.ask(strings.Repeat("x", size)); got != strconv.Itoa(MaxDatagram) {
			t.Errorf("%d bytes: %q", size, got)
		}
	}
}

func TestPortTaken(t *testing.T) {
	for _, readers := range []int{1, 2} {
		s, e := start(t, "127.0.0.1:0", readers)
		second, err := Listen(s.Addr().String(), 2, e, nil)
		if err == nil {
			t.Errorf("a second server on a port with %d readers", readers)
			second.Close()
		}
	}
}

// TestManyPeers lets many devices ask at once, each from its own port.
func TestManyPeers(t *testing.T) {
	s, e := start(t, "127.0.0.1:0", 0)
	var devices sync.WaitGroup
	const peers, each = 50, 20
	for i := range peers {
		c := dial(t, "127.0.0.1", s.port())
		devices.Go(func() {
			for n := range each {
				want := strconv.Itoa(i) + " " + strconv.Itoa(n)
				for c.ask(want) != want { // a late answer to what was asked again
				}
			}
		})
	}
	devices.Wait()
	if n := e.answered.Load(); n < peers*(each-1) || s.Unsent.Load() > 0 { // the last batch may not be counted yet
		t.Errorf("%d answered, %d not sent", n, s.Unsent.Load())
	}
}

func TestNoAllocations(t *testing.T) {
	s, _ := start(t, "127.0.0.1:0", 1)
	c := dial(t, "127.0.0.1", s.port())
	in := make([]byte, 100)
	c.ask(string(in))
	n := testing.AllocsPerRun(1000, func() {
		if _, err := c.conn.Write(in); err != nil {
			t.Fatal(err)
		}
		if _, err := c.conn.Read(c.buf[:]); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations per datagram", n)
	}
}
