package udp

import (
	"net"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// reader answers the datagrams of one socket, a batch at a time:
//
//	receive ── up to 64 datagrams, as many as wait ──► answer ──► send
//
// All memory is allocated here, once.
type reader struct {
	server *Server
	socket *mmsgSocket
	batch  *batch
}

// serve reads a socket until the server is closing and the wait interrupted. It
// keeps an operating system thread to itself.
func (s *Server) serve(socket *net.UDPConn) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	waiting, err := newMmsgSocket(socket)
	if err != nil {
		if s.closing.Load() { // closed before it was served
			return nil
		}
		return err
	}
	defer waiting.file.Close()
	r := &reader{server: s, socket: waiting, batch: newBatch()}
	for {
		n, err := waiting.receive(r.batch.requests[:])
		switch {
		case s.closing.Load():
			return nil
		case err != nil:
			return err
		}
		r.round(n)
	}
}

// round answers the n datagrams of a batch.
func (r *reader) round(n int) {
	received := time.Now()
	replies := 0
	for i := range n {
		if r.answer(i, replies, received) {
			replies++
		}
	}
	r.send(replies)
	r.batch.reuse(n)
	r.server.handler.Answered(n, time.Since(received))
}

// answer handles the i-th request of the batch. It reports whether there is a
// reply, which is the k-th.
func (r *reader) answer(i, k int, received time.Time) bool {
	b, h := r.batch, r.server.handler
	datagram, peer := b.request(i), Peer{b.peer(i), received}
	dst := b.replyBuffers[k][:0]
	switch {
	case !b.unicast(i):
		h.Ignored(peer)
	case b.requests[i].Header.Flags&unix.MSG_TRUNC != 0:
		dst = h.Truncated(dst, datagram, peer)
	default:
		dst = h.Handle(dst, datagram, peer)
	}
	if len(dst) > 0 {
		b.reply(k, i, dst)
	}
	return len(dst) > 0
}

// send sends the first n replies. One that the kernel refuses, as to a peer
// without a route, is left out: its device asks again.
func (r *reader) send(n int) {
	for replies := r.batch.replies[:n]; len(replies) > 0; {
		sent, err := r.socket.send(replies)
		if err != nil {
			r.server.Unsent.Add(1)
			sent = 1
		}
		replies = replies[sent:]
	}
}
