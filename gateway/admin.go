package gateway

import (
	"context"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"havn/gateway/admin/api"
	"havn/update"
)

// Bounds of admin requests. The shutdown is shorter than the 5 s in which the
// gateway promises to be gone.
const (
	adminHeaderTimeout = 10 * time.Second
	adminIdleTimeout   = 2 * time.Minute
	adminShutdown      = 3 * time.Second
)

const index = `Havn firmware gateway

/healthz          alive
/readyz           listening
/metrics          Prometheus
/api/v1/devices   /api/v1/images   /api/v1/summary
`

// serveAdmin serves the admin HTTP until ctx ends.
func (g *Gateway) serveAdmin(ctx context.Context) error {
	srv := &http.Server{
		Handler: g.adminHandler(), ReadHeaderTimeout: adminHeaderTimeout, IdleTimeout: adminIdleTimeout,
		BaseContext: func(net.Listener) context.Context { return ctx }, // requests end with the gateway
		ErrorLog:    slog.NewLogLogger(g.log.Handler(), slog.LevelWarn),
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), adminShutdown)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			_ = srv.Close()
		}
	})
	var err error
	if a := g.cfg.Admin; a.Certificate != "" {
		err = srv.ServeTLS(g.admin, a.Certificate, a.Key)
	} else {
		err = srv.Serve(g.admin)
	}
	if stop() {
		return fmt.Errorf("admin HTTP: %w", err)
	}
	<-stopped
	return nil
}

// adminHandler routes the admin HTTP.
func (g *Gateway) adminHandler() http.Handler {
	closed := http.NewServeMux()
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{g}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	closed.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	closed.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(index)) })
	api.API{Kinds: kinds, Engine: operated{g.engine, g}, Images: g.images, Summary: g.summary}.Register(closed)

	open := http.NewServeMux()
	open.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	open.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !g.ready.Load() {
			http.Error(w, "starting or stopping", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ready\n"))
	})
	open.Handle("/", http.NewCrossOriginProtection().Handler(g.authorized(closed)))
	return open
}

// operated is the engine for operators: they refresh all of the gateway.
type operated struct {
	*update.Engine
	gateway *Gateway
}

// Refresh implements api.Engine.
func (o operated) Refresh() { o.gateway.refresh() }

// authorized lets requests through that carry the token of admin.token_file.
// The file is read each time, so that a new token needs no restart.
func (g *Gateway) authorized(next http.Handler) http.Handler {
	path := g.cfg.Admin.TokenFile
	if path == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := os.ReadFile(path)
		want := strings.TrimSpace(string(token))
		same := subtle.ConstantTimeCompare([]byte(bearer(r)), []byte(want)) == 1
		if err != nil || want == "" || !same {
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, needToken)
			return
		}
		next.ServeHTTP(w, r)
	})
}

const needToken = `{"error":"the token of admin.token_file is needed: Authorization: Bearer TOKEN"}` + "\n"

// bearer returns the token a request carries, empty if it has none.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}

// summary is the gateway at a glance.
func (g *Gateway) summary() api.Summary {
	stats := g.cache.Stats()
	return api.Summary{
		Devices: g.engine.Count(),
		Images:  len(g.cache.Images()),
		Cache: api.Cache{
			MemoryBytes: stats.Bytes.Memory, DiskBytes: stats.Bytes.Disk,
			Hits: stats.Hits.Memory + stats.Hits.Disk, Misses: stats.Misses,
		},
		Upstream:        g.cloud.summary(),
		ChunksPerSecond: g.rates.now(),
	}
}

// images joins what the cache holds with what is offered.
func (g *Gateway) images() []api.Image {
	all := map[string]*api.Image{}
	for _, o := range g.engine.Releases().Offers() {
		img := all[o.Digest.Hex()]
		if img == nil {
			img = &api.Image{Digest: o.Digest.String(), Version: o.Version, Size: o.Size, References: []string{}}
			all[o.Digest.Hex()] = img
		}
		img.References = append(img.References, o.Reference)
	}
	for _, h := range g.cache.Images() {
		img := all[h.Digest.Hex()]
		if img == nil {
			img = &api.Image{Digest: h.Digest.String(), Size: uint32(h.Size), References: []string{}}
			all[h.Digest.Hex()] = img
		}
		img.Pinned, img.Memory, img.Disk = h.Pinned, h.Memory, h.Disk
	}
	list := make([]api.Image, 0, len(all))
	for _, img := range all {
		list = append(list, *img)
	}
	return list
}
