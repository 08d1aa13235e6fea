package backend

import (
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// images is an OCI registry in memory that counts what it is asked.
type images struct {
	address string
	handler http.Handler
	server  *http.Server
	served  chan struct{}

	mu       sync.Mutex
	requests map[string]uint64
}

// startImages starts an empty registry.
func startImages() (*images, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	silent := slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	i := &images{
		address: listener.Addr().String(), handler: registry.New(registry.Logger(silent)),
		served: make(chan struct{}), requests: map[string]uint64{},
	}
	i.server = &http.Server{Handler: i, ReadHeaderTimeout: time.Second}
	go func() {
		defer close(i.served)
		_ = i.server.Serve(listener) // ends with ErrServerClosed
	}()
	return i, nil
}

func (i *images) close() {
	_ = i.server.Close()
	<-i.served
}

// ServeHTTP implements http.Handler.
func (i *images) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.requests[r.Method+" "+resource(r.URL.Path)]++
	i.mu.Unlock()
	i.handler.ServeHTTP(w, r)
}

// resource names what a path of the distribution API is about.
func resource(path string) string {
	for _, kind := range []string{"manifests", "blobs", "tags", "referrers"} {
		if strings.Contains(path, "/"+kind+"/") {
			return kind
		}
	}
	return "/v2/"
}

func (i *images) counted() map[string]uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return maps.Clone(i.requests)
}

// forget counts anew.
func (i *images) forget() {
	i.mu.Lock()
	defer i.mu.Unlock()
	clear(i.requests)
}
