package udp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Sizes, bytes.
const (
	MaxDatagram   = 2048    // received of a datagram; a CoAP request needs a tenth
	MaxReply      = 1152    // fits one packet of an IPv6 link without fragments
	receiveBuffer = 4 << 20 // a thousand devices that ask at once lose nothing
)

// Peer is where a datagram came from, and when.
type Peer struct {
	Addr     netip.AddrPort
	Received time.Time
}

// Handler answers datagrams. Its methods are called by all readers at once and do
// not block.
type Handler interface {
	// Handle appends the reply to datagram to dst and returns it; dst as it was
	// means silence. It keeps nothing of datagram.
	Handle(dst, datagram []byte, peer Peer) []byte
	// Truncated is Handle for a datagram of which only the beginning was received.
	Truncated(dst, datagram []byte, peer Peer) []byte
	// Ignored tells of a datagram that was sent to a group.
	Ignored(peer Peer)
	// Answered tells that n datagrams have been answered, after took each.
	Answered(n int, took time.Duration)
}

// Server answers the datagrams of one UDP port.
type Server struct {
	// Unsent counts the replies that the kernel did not take.
	Unsent atomic.Uint64

	handler Handler
	sockets []*net.UDPConn // one per reader
	closing atomic.Bool
}

// Listen binds a port, HOST:PORT, with as many readers; 0 is one per core. It
// starts nothing: see Run. Log may be nil.
func Listen(address string, readers int, h Handler, log *slog.Logger) (*Server, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if readers == 0 {
		readers = runtime.GOMAXPROCS(0)
	}
	if !sharing {
		readers = 1
	}
	s := &Server{handler: h}
	for i := range readers {
		if err := s.bind(address, i, log); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// bind adds the i-th socket. The first one is bound alone, so that a second
// gateway on the same port fails; only then it lets the others in.
func (s *Server) bind(address string, i int, log *slog.Logger) error {
	var lc net.ListenConfig
	if i > 0 {
		if err := share(s.sockets[0]); err != nil {
			return err
		}
		address, lc.Control = s.Addr().String(), controlShare
	}
	conn, err := lc.ListenPacket(context.Background(), "udp", address)
	if err != nil {
		return err
	}
	socket := conn.(*net.UDPConn)
	s.sockets = append(s.sockets, socket)
	return configure(socket, log)
}

// Addr returns the address that is listened on.
func (s *Server) Addr() net.Addr { return s.sockets[0].LocalAddr() }

// Run answers until ctx ends, then returns nil; or until a socket breaks, then it
// returns why. Either way all readers have ended and the port is free.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(s.sockets))
	var readers sync.WaitGroup
	for i, socket := range s.sockets {
		readers.Go(func() {
			defer cancel() // one broken reader ends all
			errs[i] = s.serve(socket)
		})
	}
	<-ctx.Done()
	closed := s.Close()
	readers.Wait()
	return errors.Join(append(errs, closed)...)
}

// Close frees the port of a server that does not Run.
func (s *Server) Close() error {
	if s.closing.Swap(true) {
		return nil
	}
	var errs []error
	for _, socket := range s.sockets {
		errs = append(errs, interrupt(socket), socket.Close())
	}
	return errors.Join(errs...)
}
