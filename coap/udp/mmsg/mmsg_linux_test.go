package mmsg

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// datagrams are messages with memory of their own.
type datagrams struct {
	messages [4]Message
	vectors  [4]unix.Iovec
	buffers  [4][8]byte
}

func newDatagrams() *datagrams {
	d := new(datagrams)
	for i := range d.messages {
		d.vectors[i].Base = &d.buffers[i][0]
		d.vectors[i].SetLen(len(d.buffers[i]))
		d.messages[i].Header.Iov = &d.vectors[i]
		d.messages[i].Header.SetIovlen(1)
	}
	return d
}

// connected returns two sockets that are connected to each other.
func connected(t *testing.T) (a, b uintptr) {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = unix.Close(ends[0]), unix.Close(ends[1]) })
	return uintptr(ends[0]), uintptr(ends[1])
}

// TestMany: several datagrams go and come in one call each, without allocation.
func TestMany(t *testing.T) {
	a, b := connected(t)
	out, in := newDatagrams(), newDatagrams()
	for i := range out.buffers {
		copy(out.buffers[i][:], "datagram")
		out.buffers[i][7] = byte('0' + i)
		out.vectors[i].SetLen(8 - i)
	}
	round := func() {
		if n, err := Send(a, out.messages[:]); n != 4 || err != nil {
			t.Fatalf("sent %d, %v", n, err)
		}
		if n, err := Receive(b, in.messages[:], 0); n != 4 || err != nil {
			t.Fatalf("received %d, %v", n, err)
		}
	}
	if allocs := testing.AllocsPerRun(10, round); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
	for i := range in.messages {
		if n := in.messages[i].Length; n != uint32(8-i) || in.buffers[i][0] != 'd' {
			t.Errorf("datagram %d has %d bytes: %q", i, n, in.buffers[i])
		}
	}
}

// TestNothing: neither a call that may not wait nor one whose socket has a
// timeout waits for ever.
func TestNothing(t *testing.T) {
	_, b := connected(t)
	in := newDatagrams()
	if n, err := Receive(b, in.messages[:], unix.MSG_DONTWAIT); n != 0 || !errors.Is(err, unix.EAGAIN) {
		t.Errorf("%d, %v, want EAGAIN", n, err)
	}
	if err := unix.SetsockoptTimeval(int(b), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 1}); err != nil {
		t.Fatal(err)
	}
	if n, err := Receive(b, in.messages[:], 0); n != 0 || !errors.Is(err, unix.EAGAIN) {
		t.Errorf("%d, %v, want EAGAIN", n, err)
	}
	if _, err := Send(^uintptr(0), in.messages[:]); !errors.Is(err, unix.EBADF) {
		t.Errorf("%v, want EBADF", err)
	}
}
