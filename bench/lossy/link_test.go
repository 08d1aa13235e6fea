package lossy

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open starts a link to a server of the test and ends both with the test.
func open(t *testing.T, cfg Config) (*Link, *net.UDPConn) {
	t.Helper()
	server := listen(t)
	l, err := Listen(cfg, addr(server))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return l, server
}

func listen(t *testing.T) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func addr(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

// waiting is a turn of a loop that waits for the counters of another goroutine;
// it fails a test that would wait for ever.
func waiting(t *testing.T, s Stats) {
	t.Helper()
	if deadline, ok := t.Deadline(); ok && time.Until(deadline) < time.Second {
		t.Fatalf("still %+v", s)
	}
	time.Sleep(50 * time.Microsecond) // lets the network poller run
}

// send sends the numbers from..to-1, one datagram each.
func send(t *testing.T, from *net.UDPConn, to netip.AddrPort, first, last int) {
	t.Helper()
	for i := first; i < last; i++ {
		datagram := binary.BigEndian.AppendUint32(nil, uint32(i))
		if _, err := from.WriteToUDPAddrPort(datagram, to); err != nil {
			t.Fatal(err)
		}
	}
}

// receive reads n numbers and the address the last came from.
func receive(t *testing.T, c *net.UDPConn, n int) (numbers []int, from netip.AddrPort) {
	t.Helper()
	buf := make([]byte, 16)
	for len(numbers) < n {
		_ = c.SetReadDeadline(time.Now().Add(3 * time.Second))
		size, peer, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			t.Fatalf("after %d of %d datagrams: %v", len(numbers), n, err)
		}
		numbers = append(numbers, int(binary.BigEndian.Uint32(buf[:size])))
		from = peer
	}
	return numbers, from
}

func silent(t *testing.T, c *net.UDPConn) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	_, _, err := c.ReadFromUDPAddrPort(make([]byte, 16))
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got a datagram or %v, want silence", err)
	}
}

func TestRepliesFindTheirClient(t *testing.T) {
	l, server := open(t, Config{})
	a, b := listen(t), listen(t)
	send(t, a, l.Addr(), 1, 2)
	_, upA := receive(t, server, 1)
	send(t, b, l.Addr(), 2, 3)
	_, upB := receive(t, server, 1)
	if upA == upB {
		t.Fatalf("both clients reach the server from %v", upA)
	}
	send(t, server, upB, 20, 21)
	send(t, server, upA, 10, 11)
	for _, want := range []struct {
		conn   *net.UDPConn
		number int
	}{{a, 10}, {b, 20}} {
		got, from := receive(t, want.conn, 1)
		if got[0] != want.number || from != l.Addr() {
			t.Errorf("got %v from %v, want %d from %v", got, from, want.number, l.Addr())
		}
	}
	for s := l.Stats(); s.Clients != 2 || s.Up.Delivered != 2 || s.Down.Delivered != 2; s = l.Stats() {
		waiting(t, s)
	}
}

func TestLossAndDuplicates(t *testing.T) {
	const n = 200
	path := Path{Loss: 0.2, Duplicate: 0.1}
	first := fates(t, path, 7, n)
	second := fates(t, path, 7, n)
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("one seed, two fates: %s", diff)
	}
	if other := fates(t, path, 8, n); slices.Equal(first, other) {
		t.Error("another seed changes nothing")
	}
}

// fates sends n datagrams, the next when the fate of the last is known, and
// returns what arrived.
func fates(t *testing.T, path Path, seed uint64, n int) []int {
	t.Helper()
	l, server := open(t, Config{Up: path, Seed: seed})
	client := listen(t)
	var got []int
	for i := range n {
		send(t, client, l.Addr(), i, i+1)
		arrived, _ := receive(t, server, settle(t, l, i+1)-len(got))
		got = append(got, arrived...)
	}
	s := l.Stats().Up
	silent(t, server)
	if s.Lost < 20 || s.Lost > 60 || s.Duplicated < 5 || s.Duplicated > 35 {
		t.Errorf("of %d datagrams %d were lost, %d doubled", n, s.Lost, s.Duplicated)
	}
	return got
}

// settle waits until the fate of n datagrams from clients is known and returns
// how many copies were delivered.
func settle(t *testing.T, l *Link, n int) int {
	t.Helper()
	for {
		s := l.Stats().Up
		if s.Received == uint64(n) && s.Received-s.Lost+s.Duplicated-s.Dropped == s.Delivered {
			return int(s.Delivered)
		}
		waiting(t, l.Stats())
	}
}

func TestDelayKeepsOrder(t *testing.T) {
	const delay = 20 * time.Millisecond
	l, server := open(t, Config{Up: Path{Delay: delay}})
	client := listen(t)
	start := time.Now()
	send(t, client, l.Addr(), 0, 50)
	got, _ := receive(t, server, 50)
	if took := time.Since(start); took < delay || took > 10*delay {
		t.Errorf("took %v, want about %v", took, delay)
	}
	if !slices.IsSorted(got) {
		t.Errorf("order %v", got)
	}
}

func TestReorder(t *testing.T) {
	l, server := open(t, Config{Down: Path{Reorder: 0.5, Jitter: 20 * time.Millisecond}})
	client := listen(t)
	send(t, client, l.Addr(), 0, 1)
	_, up := receive(t, server, 1)
	send(t, server, up, 0, 50)
	got, _ := receive(t, client, 50)
	if slices.IsSorted(got) {
		t.Error("nothing was reordered")
	}
	slices.Sort(got)
	for i, number := range got {
		if number != i {
			t.Fatalf("datagram %d is missing: %v", i, got)
		}
	}
	for s := l.Stats(); s.Down.Reordered < 10 || s.Down.Delivered != 50; s = l.Stats() {
		waiting(t, s)
	}
}

func TestSetTarget(t *testing.T) {
	l, old := open(t, Config{})
	client, moved := listen(t), listen(t)
	send(t, client, l.Addr(), 1, 2)
	_, up := receive(t, old, 1)
	l.SetTarget(addr(moved))
	send(t, client, l.Addr(), 2, 3)
	if got, from := receive(t, moved, 1); got[0] != 2 || from != up {
		t.Errorf("got %v from %v, want 2 from %v", got, from, up)
	}
	send(t, old, up, 3, 4)
	silent(t, client)
	for s := l.Stats(); s.Stray != 1; s = l.Stats() {
		waiting(t, s)
	}
}

func TestBounds(t *testing.T) {
	cfg := Config{Up: Path{Delay: time.Hour}, MaxClients: 2, MaxQueued: 3}
	l, _ := open(t, cfg)
	for range 5 {
		send(t, listen(t), l.Addr(), 0, 1)
	}
	for s := l.Stats(); s.Clients != 2 || s.Evicted != 3 || s.Up.Dropped != 2; s = l.Stats() {
		waiting(t, s)
	}
}

func TestOversizeIsDropped(t *testing.T) {
	l, server := open(t, Config{})
	client := listen(t)
	for _, size := range []int{maxDatagram + 1, maxDatagram} {
		if _, err := client.WriteToUDPAddrPort(make([]byte, size), l.Addr()); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 2*maxDatagram)
	_ = server.SetReadDeadline(time.Now().Add(3 * time.Second))
	if n, _, err := server.ReadFromUDPAddrPort(buf); n != maxDatagram || err != nil {
		t.Errorf("got %d bytes, %v; want %d", n, err, maxDatagram)
	}
	for s := l.Stats(); s.Up.Dropped != 1; s = l.Stats() {
		waiting(t, s)
	}
}

func TestConfigIsChecked(t *testing.T) {
	bad := []Path{{Loss: -0.1}, {Duplicate: 1.1}, {Reorder: 2}, {Delay: -1}, {Jitter: -1}}
	for _, path := range bad {
		if _, err := Listen(Config{Up: path}, netip.AddrPort{}); err == nil {
			t.Errorf("%+v was accepted", path)
		}
		if _, err := Listen(Config{Down: path}, netip.AddrPort{}); err == nil {
			t.Errorf("%+v was accepted", path)
		}
	}
}
