package hawkbit

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"havn/dfu"
	"havn/firmware"
	"havn/link"
	"havn/upstream/hawkbit/ddi"
)

// Store keeps the state that must survive a restart: one value of a few KiB for
// each controller, under the URL of the controller.
type Store interface {
	// Load returns nil, nil where nothing was saved.
	Load(key string) ([]byte, error)
	// Save replaces the value. The value is on disk when the call returns.
	Save(key string, value []byte) error
}

// Stats counts what was exchanged with the server.
type Stats struct {
	Polls, PollFailures        atomic.Uint64
	Feedback, FeedbackFailures atomic.Uint64 // tries, and tries that failed
	Resumed                    atomic.Uint64 // downloads that broke and went on by Range
}

// Source serves what one server assigns. It is safe for concurrent use; calls
// for one controller wait for each other.
type Source struct {
	client  *ddi.Client
	pattern string
	store   Store
	log     *slog.Logger
	stats   Stats

	mu          sync.RWMutex
	controllers map[string]*controller // by ID: all that were ever named, a few hundred bytes each
	// providers are the open actions that images are downloaded through. A hundred
	// controllers with one image name one origin.
	providers map[firmware.Digest]firmware.Origin
}

// New checks cfg and reads the CA file. The server is not asked yet.
func New(cfg Config, store Store, log *slog.Logger) (*Source, error) {
	return newSource(cfg, store, log, nil)
}

func newSource(cfg Config, store Store, log *slog.Logger, dial link.Dial) (*Source, error) {
	cfg = cfg.WithDefaults()
	faults := cfg.Validate()
	faults.Present("url", cfg.URL)
	if err := faults.Err(); err != nil {
		return nil, fmt.Errorf("hawkbit: %w", err)
	}
	where, err := cfg.ddi(dial)
	if err != nil {
		return nil, fmt.Errorf("hawkbit: %w", err)
	}
	client, err := ddi.New(where)
	if err != nil {
		return nil, fmt.Errorf("hawkbit: %w", err)
	}
	return &Source{
		client: client, pattern: cfg.Artifact, store: store, log: log,
		controllers: map[string]*controller{}, providers: map[firmware.Digest]firmware.Origin{},
	}, nil
}

// Close gives idle connections back.
func (s *Source) Close() { s.client.Close() }

// Stats returns the source's counters.
func (s *Source) Stats() *Stats { return &s.stats }

// Resolve implements firmware.Source: it polls if the server's sleep is over,
// and returns the firmware that is assigned. ErrNotFound says that no firmware is
// assigned, ErrInvalid that it cannot be used, and ErrPending that it must not be
// downloaded yet. A server that cannot be reached, or that answers nonsense, gives
// an error without sentinel.
func (s *Source) Resolve(ctx context.Context, _ dfu.Device, spec firmware.Spec) (
	firmware.Metadata, error) {
	ref, ok := spec.Ref.(Ref)
	if !ok {
		return firmware.Metadata{}, fmt.Errorf("%w: %s is no hawkBit controller",
			firmware.ErrInvalid, spec.Key())
	}
	if err := ref.Validate(); err != nil {
		return firmware.Metadata{}, err
	}
	c := s.controller(ref.Controller)
	if err := c.acquire(ctx); err != nil {
		return firmware.Metadata{}, err
	}
	defer c.release()
	err := c.refresh(ctx)
	c.publish()
	if err != nil {
		return firmware.Metadata{}, c.wrap(err)
	}
	m, err := c.assigned()
	return m, c.wrap(err)
}

// controller returns the controller of an ID, and makes it the first time.
func (s *Source) controller(id string) *controller {
	if c := s.known(id); c != nil {
		return c
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.controllers[id]; c != nil {
		return c
	}
	c := &controller{
		source: s, id: id, url: s.client.Controller(id), turn: make(chan struct{}, 1),
	}
	s.controllers[id] = c
	return c
}

// known returns the controller of an ID, nil if the ID was never named.
func (s *Source) known(id string) *controller {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.controllers[id]
}

// provide returns the open origin of an image. It is o, unless the image has an
// open origin already.
func (s *Source) provide(d firmware.Digest, o firmware.Origin) firmware.Origin {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.providers[d]; ok {
		return known
	}
	s.providers[d] = o
	return o
}

// provider returns the open action that an image is downloaded through.
func (s *Source) provider(d firmware.Digest) (firmware.Origin, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o, ok := s.providers[d]
	return o, ok
}

// withdraw notes that an image can no longer be downloaded through o.
func (s *Source) withdraw(d firmware.Digest, o firmware.Origin) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.providers[d] == o {
		delete(s.providers, d)
	}
}
