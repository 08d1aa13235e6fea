package load

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"

	"golang.org/x/sys/unix"
)

// Responder is the least a server can do in Go: it answers every datagram with
// one prepared long before, whose first bytes it takes from the request without
// a look at them. What a real server costs above it is the price of CoAP.
//
// It has one blocking socket and one OS thread, and moves up to 64 datagrams
// per system call.
type Responder struct {
	fd      int
	size    int
	in, out *batch
}

// NewResponder opens a port of 127.0.0.1. Its answers have size bytes, at least
// a head's.
func NewResponder(size int) (*Responder, error) {
	if size < headSize || size > maxDatagram {
		return nil, fmt.Errorf("answers of %d bytes: want %d to %d", size, headSize, maxDatagram)
	}
	fd, err := openSocket([4]byte{127, 0, 0, 1})
	if err != nil {
		return nil, err
	}
	r := &Responder{fd: fd, size: size, in: newBatch(), out: newBatch()}
	for i := range batchSize {
		copy(r.out.buffers[i][:], filler[:])
		r.out.set(i, r.out.buffers[i][:size])
		r.out.messages[i].Header.Name = r.in.messages[i].Header.Name
	}
	return r, nil
}

// Addr is where the responder listens.
func (r *Responder) Addr() (netip.AddrPort, error) { return localAddress(r.fd) }

// wakeUp is how often a responder without requests looks whether it shall end,
// in microseconds.
const wakeUp = 100_000

// Serve answers until ctx ends, then closes the socket. Call it once.
func (r *Responder) Serve(ctx context.Context) error {
	defer unix.Close(r.fd)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	timeout := unix.Timeval{Usec: wakeUp}
	if err := unix.SetsockoptTimeval(r.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return fmt.Errorf("responder: %w", err)
	}
	for ctx.Err() == nil {
		n, err := r.in.receive(r.fd, 0)
		if err != nil {
			return fmt.Errorf("responder: receive: %w", err)
		}
		for i := range n {
			copy(r.out.buffers[i][:headSize], r.in.buffers[i][:headSize])
		}
		if err := r.out.send(r.fd, n); err != nil {
			return fmt.Errorf("responder: send: %w", err)
		}
	}
	return nil
}
