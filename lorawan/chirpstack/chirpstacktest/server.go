package chirpstacktest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"havn/lorawan/chirpstack/chirpstacktest/clock"
	"havn/lorawan/chirpstack/chirpstacktest/wire"
	"havn/lorawan/event"
)

// ErrStopped: the server of the device has stopped.
var ErrStopped = errors.New("the network server has stopped")

// telling is what the server tells next. leaves is called with the lock held
// before the event is published; it may be nil.
type telling struct {
	wire.Event
	leaves func(time.Time)
}

// Server is a network server with its devices. Its methods may be called concurrently.
type Server struct {
	cfg      Config
	radio    radio // of devices without one of their own
	encode   func(*wire.Event) ([]byte, error)
	timeline *clock.Timeline
	ready    chan struct{} // closed when commands are heard
	done     chan struct{} // closed when Run ends

	mu        sync.Mutex
	rnd       *rand.Rand
	devices   map[event.DevEUI]*Device
	classC    []*Device
	out       []*telling // to be published when mu is free
	onTheWay  int        // commands that are not yet queue items
	downlinks []Downlink
	latencies []time.Duration
	stats     Stats
}

// New checks cfg and returns a server without devices. It starts nothing.
func New(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("network server: %w", err)
	}
	radio, err := newRadio(cfg.Radio)
	if err != nil {
		return nil, fmt.Errorf("network server: %w", err)
	}
	encode, err := wire.NewEncoder(cfg.Encoding, wire.Application{ID: cfg.Application, Name: cfg.ApplicationName})
	if err != nil {
		return nil, fmt.Errorf("network server: %w", err)
	}
	return &Server{
		cfg: cfg, radio: radio, encode: encode,
		timeline: clock.NewTimeline(),
		ready:    make(chan struct{}), done: make(chan struct{}),
		rnd:     rand.New(rand.NewPCG(cfg.Seed, 0)),
		devices: map[event.DevEUI]*Device{},
	}, nil
}

// Ready is closed when the server is connected and hears commands.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Application returns the identifier of the application, as in topics.
func (s *Server) Application() string { return s.cfg.Application }

// Run connects to the broker and serves the devices until ctx ends, then returns nil. It
// connects again after a loss of the connection; events of the meantime are lost, as with
// a real server. Run must be called at most once.
func (s *Server) Run(ctx context.Context) error {
	defer close(s.done)
	link, err := s.dial(ctx)
	if err != nil {
		return fmt.Errorf("network server: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { s.live(ctx, link.publish); return nil })
	group.Go(func() error { <-link.Done(); return nil })
	return group.Wait()
}

// live runs the moments of the timeline, and publishes the events, until ctx ends.
func (s *Server) live(ctx context.Context, publish func(topic string, payload []byte) error) {
	s.timeline.At(time.Now(), s.scheduleClassC)
	s.timeline.Run(ctx, func(do func()) {
		for _, e := range s.step(do) {
			if err := s.emit(e, publish); err != nil {
				s.lost(e, err)
			}
		}
	})
}

// step runs one moment and returns the events that it caused.
func (s *Server) step(do func()) []*telling {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	out := s.out
	s.out = nil
	return out
}

func (s *Server) emit(e *telling, publish func(topic string, payload []byte) error) error {
	payload, err := s.encode(&e.Event)
	if err != nil {
		return err
	}
	if e.leaves != nil {
		s.mu.Lock()
		e.leaves(time.Now())
		s.mu.Unlock()
	}
	return publish(s.topic(e), payload)
}

func (s *Server) topic(e *telling) string {
	kind := e.Kind
	if kind == wire.Error && s.cfg.Encoding == wire.V4 {
		kind = "log"
	}
	return "application/" + s.cfg.Application + "/device/" + e.Device.EUI.String() + "/event/" + string(kind)
}

func (s *Server) lost(e *telling, err error) {
	s.cfg.Log.Warn("event lost", "devEUI", e.Device.EUI, "event", e.Kind, "error", err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.EventsLost++
}
