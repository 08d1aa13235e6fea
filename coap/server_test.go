package coap

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/block"
	"havn/coap/udp"
	"havn/front/fronttest"
)

// start serves on address until the test ends, and checks that it ends well.
func start(t *testing.T, w *world, address string, readers int) netip.AddrPort {
	t.Helper()
	s, err := listen(Config{Listen: address, Readers: readers}, w.handler, nil)
	if err != nil {
		if strings.Contains(address, "[::") {
			t.Skip("no IPv6 here: ", err)
		}
		t.Fatal(err)
	}
	fronttest.Run(t, s)
	return s.Addr().(*net.UDPAddr).AddrPort()
}

// client is a device on a socket of its own.
type client struct {
	t    *testing.T
	conn *net.UDPConn
	buf  [udp.MaxDatagram]byte
}

func dial(t *testing.T, server netip.AddrPort) *client {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(server))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &client{t: t, conn: conn}
}

// ask sends a datagram and returns the next one that comes back. Like a device,
// it asks again when nothing comes.
func (c *client) ask(b []byte) []byte {
	c.t.Helper()
	for range 5 {
		if _, err := c.conn.Write(b); err != nil {
			c.t.Fatal(err)
		}
		_ = c.conn.SetReadDeadline(time.Now().Add(2 * time.Second))
		n, err := c.conn.Read(c.buf[:])
		if err == nil {
			return c.buf[:n]
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			c.t.Fatal(err)
		}
	}
	c.t.Fatal("no answer")
	return nil
}

func TestServer(t *testing.T) {
	w := newWorld(t, Chunks{})
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
		for _, readers := range []int{1, 3} {
			t.Run(address+" "+strconv.Itoa(readers), func(t *testing.T) {
				at := start(t, w, address, readers)
				hosts := []netip.Addr{at.Addr()}
				if at.Addr().IsUnspecified() {
					hosts = []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}
				}
				for _, host := range hosts {
					m := read(t, dial(t, netip.AddrPortFrom(host, at.Port())).ask(get("/fw/edge/tiny").bytes()))
					if m.code != codes.Content || !bytes.Equal(m.payload, w.images["tiny"].Bytes()) {
						t.Errorf("%v: %+v", host, m)
					}
				}
			})
		}
	}
}

func TestOversized(t *testing.T) {
	w := newWorld(t, Chunks{})
	c := dial(t, start(t, w, "127.0.0.1:0", 1))
	for _, size := range []int{udp.MaxDatagram + 1 - 100, udp.MaxDatagram * 2, 60_000} {
		m := read(t, c.ask(post("/v1/dfu", make([]byte, size), query("device=blinky")).bytes()))
		want := codes.RequestEntityTooLarge
		if size < udp.MaxDatagram {
			want = codes.BadRequest // it arrives whole, and is no Status
		}
		if m.code != want || m.token != testToken {
			t.Errorf("%d bytes: %v, want %v", size, m.code, want)
		}
	}
}

// TestNoise sends what gets no answer, then something that does.
func TestNoise(t *testing.T) {
	w := newWorld(t, Chunks{})
	c := dial(t, start(t, w, "127.0.0.1:0", 1))
	for _, noise := range [][]byte{{}, {1}, {0x60, 0, 1, 2}, {0x50, 0x20, 1, 2}, bytes.Repeat([]byte{0xff}, 3000)} {
		if _, err := c.conn.Write(noise); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.ask([]byte{0x40, 0, 1, 2}); !bytes.Equal(got, []byte{0x70, 0, 1, 2}) {
		t.Errorf("ping: %x", got)
	}
}

// TestManyDevices lets many devices fetch at once, each from its own port.
func TestManyDevices(t *testing.T) {
	w := newWorld(t, Chunks{})
	at := start(t, w, "127.0.0.1:0", 0)
	var devices sync.WaitGroup
	for i := range 100 {
		c := dial(t, at)
		devices.Go(func() { c.fetch(w.images["blinky"].Bytes(), uint16(i)) })
	}
	devices.Wait()
	s := w.handler.Counts()
	var answers uint64
	for i := range s.Answers.Buckets {
		answers += s.Answers.Buckets[i].Load()
	}
	if chunks := s.Chunks.Load(); chunks < 100*20 || answers < chunks || w.unsent() > 0 {
		t.Errorf("%d chunks, %d answers, %v send errors", chunks, answers, w.unsent())
	}
}

// unsent returns how many replies the kernel did not take.
func (w *world) unsent() (n float64) {
	for _, e := range w.handler.Counts().Extra() {
		if e.Name == "send_errors_total" {
			n += e.Value
		}
	}
	return n
}

// fetch gets an image in blocks of 256 and compares it.
func (c *client) fetch(want []byte, mid uint16) {
	var got []byte
	for num := uint32(0); len(got) < len(want); num++ {
		m := get("/fw/edge/blinky", block2(num, 4)).with(strconv.Itoa(int(num)))
		m.mid = mid + uint16(num)
		reply := read(c.t, c.ask(m.bytes()))
		for reply.token != m.token { // a late answer to what was asked again
			reply = read(c.t, c.ask(m.bytes()))
		}
		if reply.mid != m.mid || reply.code != codes.Content {
			c.t.Errorf("block %d: %v", num, reply.code)
			return
		}
		got = append(got, reply.payload...)
	}
	if !bytes.Equal(got, want) {
		c.t.Error("wrong bytes")
	}
}

// TestServerNoAllocations covers what TestNoAllocations does not: the sockets.
func TestServerNoAllocations(t *testing.T) {
	w := newWorld(t, Chunks{})
	c := dial(t, start(t, w, "127.0.0.1:0", 1))
	in := get("/fw/edge/blinky", block2(2, 6)).bytes()
	c.ask(in)
	n := testing.AllocsPerRun(1000, func() {
		if _, err := c.conn.Write(in); err != nil {
			t.Fatal(err)
		}
		if _, err := c.conn.Read(c.buf[:]); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations per block", n)
	}
}

func TestLibcoap(t *testing.T) {
	tool, err := exec.LookPath("coap-client-notls")
	if err != nil {
		t.Skip("coap-client-notls of Debian's libcoap3-bin is not installed")
	}
	w := newWorld(t, Chunks{})
	url := "coap://" + start(t, w, "127.0.0.1:0", 1).String()
	for szx := block.MinSZX; szx <= block.MaxSZX; szx++ {
		for _, path := range []string{"/fw/edge/blinky", "/blob/" + w.images["blinky"].Digest.Hex()[:16]} {
			got := libcoap(t, tool, "-b", strconv.Itoa(szx.Size()), url+path)
			if !bytes.Equal(got, w.images["blinky"].Bytes()) {
				t.Errorf("%s in blocks of %d: %d bytes, not those of the image", path, szx.Size(), len(got))
			}
		}
	}
	if got := libcoap(t, tool, "-N", url+"/fw/edge/tiny"); !bytes.Equal(got, w.images["tiny"].Bytes()) {
		t.Errorf("NON: %x", got)
	}
	list := string(w.ask(t, get("/.well-known/core")).payload)
	if got := string(libcoap(t, tool, url+"/.well-known/core")); got != list {
		t.Errorf("discovery: %q, want %q", got, list)
	}
	status := filepath.Join(t.TempDir(), "status")
	if err := os.WriteFile(status, statusOf("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := libcoap(t, tool, "-m", "post", "-t", "60", "-f", status, url+"/v1/dfu?application=edge&device=tiny")
	want := w.ask(t, post("/v1/dfu", statusOf("1"), query("device=tiny"))).payload
	if !bytes.Equal(got, want) {
		t.Errorf("status: %x, want %x", got, want)
	}
}

// libcoap runs the client and returns the body that it got.
func libcoap(t *testing.T, tool string, args ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	cmd := exec.Command(tool, append([]string{"-B", "10", "-o", out}, args...)...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, text)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
