package coap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"

	"havn/front"
)

const (
	maxDatagram   = 2048    // bytes received of a datagram; a request needs a tenth
	receiveBuffer = 4 << 20 // bytes: a thousand devices that ask at once lose nothing
)

// Server answers the datagrams of one UDP port.
type Server struct {
	handler *Handler
	sockets []*net.UDPConn // one per reader
	closing atomic.Bool
}

// Setup is what the configuration says of the front.
type Setup struct {
	Config Config
	Chunks Chunks
}

// New returns the front on the port of s. It starts nothing: see Run.
func New(s Setup, p front.Parts) (*Server, error) {
	h, err := NewHandler(p.Engine, s.Config, s.Chunks, p.Upstream, p.Log)
	if err != nil {
		return nil, err
	}
	return Listen(s.Config, h, p.Log)
}

// Reload takes over the chunk sizes of s.
func (s *Server) Reload(next Setup) error { return s.handler.SetChunks(next.Chunks) }

// Listen binds the port of cfg. It starts nothing: see Run.
func Listen(cfg Config, h *Handler, log *slog.Logger) (*Server, error) {
	if err := cfg.withDefaults().Validate().Err(); err != nil {
		return nil, fmt.Errorf("coap: %w", err)
	}
	readers := cfg.Readers
	if readers == 0 {
		readers = runtime.GOMAXPROCS(0)
	}
	if !sharing {
		readers = 1
	}
	s := &Server{handler: h}
	for i := range readers {
		if err := s.bind(cfg.Listen, i, log); err != nil {
			return nil, errors.Join(fmt.Errorf("coap: listen on %s: %w", cfg.Listen, err), s.Close())
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

// Run answers until ctx ends, then returns nil; or until a socket breaks,
// then it returns why. Either way all readers have ended and the port is free.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(s.sockets))
	var readers sync.WaitGroup
	for i, socket := range s.sockets {
		readers.Go(func() {
			defer cancel() // one broken reader ends all
			errs[i] = serve(socket, s.handler, &s.closing)
		})
	}
	<-ctx.Done()
	closed := s.Close()
	readers.Wait()
	return errors.Join(append(errs, closed)...)
}

// Name returns the protocol.
func (s *Server) Name() string { return Protocol }

// Counts returns what the front counts.
func (s *Server) Counts() *front.Counts { return s.handler.counts }

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
