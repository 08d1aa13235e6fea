package http

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"havn/front"
	"havn/link"
)

// Bounds of what a connection may cost. A device writes its head in two dozen
// small pieces, over links with seconds of delay, and gives up after 40 s.
const (
	maxConnections = 1024
	crowd          = maxConnections * 3 / 4 // open connections from which none is kept idle
	maxHeader      = 8 << 10                // bytes: names, percent-encoded, in base64
	readTimeout    = 30 * time.Second       // of a handshake, and of a request with its body
	writeTimeout   = 30 * time.Second
	idleTimeout    = time.Minute     // between two requests
	shutdown       = 2 * time.Second // for the requests under way
)

// Server answers the requests of one TCP port.
type Server struct {
	cfg      Config
	handler  *Handler
	listener net.Listener
	http     http.Server
	identity link.Identity
	open     sync.WaitGroup // one per connection
}

// Setup is what the configuration says of the front.
type Setup struct {
	Config Config
	Chunks Chunks
}

// New returns the front on the port of s. It starts nothing: see Run.
func New(s Setup, p front.Parts) (*Server, error) {
	h, err := NewHandler(s.Chunks, p)
	if err != nil {
		return nil, err
	}
	return listen(s.Config, h)
}

// Reload takes over the chunk sizes of next, and reads the certificate anew.
func (s *Server) Reload(next Setup) error {
	return errors.Join(s.handler.SetChunks(next.Chunks), s.readCertificate())
}

// listen binds the port of cfg for h.
func listen(cfg Config, h *Handler) (*Server, error) {
	if err := cfg.Validate().Err(); err != nil {
		return nil, fmt.Errorf("http: %w", err)
	}
	s := &Server{cfg: cfg, handler: h}
	if err := s.readCertificate(); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("http: listen on %s: %w", cfg.Listen, err)
	}
	s.listener = listener{netutil.LimitListener(l, maxConnections)}
	s.http = http.Server{
		Handler: http.HandlerFunc(s.answer), Protocols: new(http.Protocols),
		DisableGeneralOptionsHandler: true, MaxHeaderBytes: maxHeader,
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		ConnContext: connContext, ConnState: s.follow, ErrorLog: log.New(errorLog{h}, "", 0),
	}
	s.http.Protocols.SetHTTP1(true)
	return s, nil
}

// readCertificate reads the certificate and its key. After an error the ones in
// use stay.
func (s *Server) readCertificate() error {
	if s.cfg.Certificate == "" {
		return nil
	}
	return s.identity.Reload(link.KeyPair{
		Certificate: link.File{Key: "http.certificate", Path: s.cfg.Certificate}, Key: s.cfg.Key,
	})
}

// tls returns the configuration of TLS. Devices of the reference family read an
// answer only if it is one record, never resume a session, and connect for
// each Status: a ticket would be 200 bytes for nothing each time.
func (s *Server) tls() *tls.Config {
	return &tls.Config{
		GetCertificate:              s.identity.Certificate,
		DynamicRecordSizingDisabled: true,
		SessionTicketsDisabled:      true,
	}
}

// Addr returns the address that is listened on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// URLs returns the address that devices reach.
func (s *Server) URLs() []string {
	if s.cfg.Certificate != "" {
		return []string{"https://" + s.Addr().String()}
	}
	return []string{"http://" + s.Addr().String()}
}

// Run answers until ctx ends, then returns nil; or until the socket breaks,
// then it returns why. Either way all connections have ended and the port is
// free. It must be called at most once.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdown)
		defer cancel()
		if s.http.Shutdown(grace) != nil {
			_ = s.http.Close() // a client that is slow to ask loses its connection
		}
	})
	err := s.accept()
	cancel()
	<-stopped
	s.open.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("http: %w", err)
}

func (s *Server) accept() error {
	if s.cfg.Certificate == "" {
		return s.http.Serve(s.listener)
	}
	s.http.TLSConfig = s.tls()
	return s.http.ServeTLS(s.listener, "", "")
}

// Name returns the protocol.
func (s *Server) Name() string { return Protocol }

// Counts returns what the front counts.
func (s *Server) Counts() *front.Counts { return s.handler.counts }

// Close frees the port of a server that does not Run.
func (s *Server) Close() error { return s.listener.Close() }

// answer hands a request to the handler. While many connections are open, none is
// kept after its answer: idle connections would keep other devices out.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	connOf(r.Context()).asking = false
	if s.handler.connections.Load() > crowd {
		w.Header().Set("Connection", "close")
	}
	s.handler.ServeHTTP(w, r)
}

// follow notes what becomes of a connection. Bytes that never become a request are
// counted here, since package net/http answers them without the handler.
func (s *Server) follow(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.open.Add(1)
		s.handler.connections.Add(1)
	case http.StateActive:
		unwrap(c).asking = true
	case http.StateClosed:
		if unwrap(c).asking {
			s.handler.reject(front.Malformed, c.RemoteAddr().String(), errNotHTTP)
		}
		s.handler.connections.Add(-1)
		s.open.Done()
	}
}

// errorLog takes what package net/http has to say.
type errorLog struct{ h *Handler }

// Write implements io.Writer with one line per call.
func (l errorLog) Write(line []byte) (int, error) {
	text := strings.TrimSuffix(string(line), "\n")
	if failed, ok := strings.CutPrefix(text, "http: TLS handshake error from "); ok {
		peer, why, _ := strings.Cut(failed, ": ")
		l.h.reject(Handshake, peer, fmt.Errorf("%w: %s", errHandshake, why))
		return len(line), nil
	}
	if log := l.h.counts.Reject(ServerError); log != nil {
		log.Warn("http: the server complains", slog.String("error", text))
	}
	return len(line), nil
}
