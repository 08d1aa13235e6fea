package coap

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"havn/coap/message"
	"havn/coap/udp"
	"havn/front"
	"havn/metric"
)

// Setup is what the configuration says of the front.
type Setup struct {
	Config Config
	Chunks Chunks
}

// Server is the front: a Handler on a UDP port.
type Server struct {
	handler *Handler
	udp     *udp.Server
}

var _ front.Listener = (*Server)(nil)

// New returns the front on the port of s. It starts nothing: see Run.
func New(s Setup, p front.Parts) (*Server, error) {
	h, err := NewHandler(s, p)
	if err != nil {
		return nil, err
	}
	return listen(s.Config.WithDefaults(), h, p.Log)
}

// A reply of the codec fits a buffer of the socket.
var _ [udp.MaxReply - message.MaxSize]struct{}

// listen binds the port of cfg, which is valid, for h.
func listen(cfg Config, h *Handler, log *slog.Logger) (*Server, error) {
	u, err := udp.Listen(cfg.Listen, cfg.Readers, h, log)
	if err != nil {
		return nil, fmt.Errorf("coap: listen on %s: %w", cfg.Listen, err)
	}
	h.counts.Extra = func() []metric.Metric { return h.extra(&u.Unsent) }
	return &Server{h, u}, nil
}

// Name returns the protocol.
func (s *Server) Name() string { return Protocol }

// Counts returns what the front counts.
func (s *Server) Counts() *front.Counts { return s.handler.counts }

// Addr returns the address that is listened on.
func (s *Server) Addr() net.Addr { return s.udp.Addr() }

// URLs returns the address that devices reach.
func (s *Server) URLs() []string { return []string{"coap://" + s.Addr().String()} }

// Reload takes over the chunk sizes of next.
func (s *Server) Reload(next Setup) error { return s.handler.SetChunks(next.Chunks) }

// Run answers until ctx ends, then returns nil; or until the socket breaks, then it
// returns why. Either way the port is free.
func (s *Server) Run(ctx context.Context) error {
	if err := s.udp.Run(ctx); err != nil {
		return fmt.Errorf("coap: %w", err)
	}
	return nil
}

// Close frees the port of a server that does not Run.
func (s *Server) Close() error { return s.udp.Close() }
