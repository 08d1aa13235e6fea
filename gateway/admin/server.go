package admin

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"havn/cache"
	"havn/firmware"
	"havn/front"
	"havn/gateway/admin/api"
	"havn/link"
	"havn/metric"
	"havn/update"
	"havn/upstream"
	"havn/upstream/spool"
)

// Bounds of requests. The shutdown is shorter than the 5 s in which the gateway
// promises to be gone.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	shutdown      = 3 * time.Second
)

// Parts are the parts of the gateway that the server shows.
type Parts struct {
	Kinds     firmware.Kinds // that operators may assign
	Engine    *update.Engine
	Cache     *cache.Cache
	Fronts    []front.Front
	Forwarder *upstream.Forwarder // nil: no upstream
	Spool     *spool.Spool        // nil: no upstream
	Meters    []metric.Meter      // all that count, but for the fronts

	Refresh func()      // looks everything up anew
	Ready   func() bool // whether devices are served
	Log     *slog.Logger
}

// Server is the HTTP server for operators.
type Server struct {
	cfg      Config
	parts    Parts
	listener net.Listener
	identity link.Identity
	rates    rates
}

// Listen binds the address of cfg. It starts nothing: see Run.
func Listen(cfg Config, p Parts) (*Server, error) {
	s := &Server{cfg: cfg, parts: p}
	if err := s.Reload(); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("admin.listen: %w", err)
	}
	s.listener = listener
	return s, nil
}

// Reload reads the certificate and its key again. After an error the ones in use
// stay.
func (s *Server) Reload() error {
	if s.cfg.Certificate == "" {
		return nil
	}
	return s.identity.Reload(link.KeyPair{
		Certificate: link.File{Key: "admin.certificate", Path: s.cfg.Certificate}, Key: s.cfg.Key,
	})
}

// URL returns the base of the server's paths.
func (s *Server) URL() string {
	scheme := "http://"
	if s.cfg.Certificate != "" {
		scheme = "https://"
	}
	return scheme + s.listener.Addr().String()
}

// Close releases the address, for a server that does not Run.
func (s *Server) Close() { _ = s.listener.Close() }

// Run serves until ctx ends, which is no error.
func (s *Server) Run(ctx context.Context) error {
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return s.rates.run(ctx, s.chunks) })
	work.Go(func() error { return s.serve(ctx) })
	return work.Wait()
}

func (s *Server) serve(ctx context.Context) error {
	srv := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		BaseContext: func(net.Listener) context.Context { return ctx }, // requests end with the gateway
		ErrorLog:    slog.NewLogLogger(s.parts.Log.Handler(), slog.LevelWarn),
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdown)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			_ = srv.Close()
		}
	})
	err := s.accept(srv)
	if stop() {
		return fmt.Errorf("admin: %w", err)
	}
	<-stopped
	return nil
}

func (s *Server) accept(srv *http.Server) error {
	if s.cfg.Certificate != "" {
		srv.TLSConfig = &tls.Config{GetCertificate: s.identity.Certificate}
		return srv.ServeTLS(s.listener, "", "")
	}
	return srv.Serve(s.listener)
}

const index = `Havn firmware gateway

/healthz          alive
/readyz           listening
/metrics          Prometheus
/api/v1/devices   /api/v1/images   /api/v1/summary
`

// Handler routes the requests. It is not needed where the server runs.
func (s *Server) Handler() http.Handler {
	closed := http.NewServeMux()
	closed.Handle("GET /metrics", metricsHandler(s.parts.Meters, s.parts.Fronts))
	closed.HandleFunc("GET /{$}", text(index))
	api.API{
		Kinds: s.parts.Kinds, Engine: operated{s.parts.Engine, s.parts.Refresh}, Images: s.images, Summary: s.summary,
	}.Register(closed)

	open := http.NewServeMux()
	open.HandleFunc("GET /healthz", text("ok\n"))
	open.HandleFunc("GET /readyz", s.readiness)
	open.Handle("/", http.NewCrossOriginProtection().Handler(s.authorized(closed)))
	return open
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
}

func (s *Server) readiness(w http.ResponseWriter, _ *http.Request) {
	if !s.parts.Ready() {
		http.Error(w, "starting or stopping", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ready\n"))
}

// operated is the engine for operators: they refresh all of the gateway.
type operated struct {
	*update.Engine
	refresh func()
}

// Refresh implements api.Engine.
func (o operated) Refresh() { o.refresh() }
