package drogue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"havn/link/mqtt"
)

// Command is a command that the cloud sent to a device of the gateway. Device
// is the gateway device itself, or one that it speaks for.
type Command struct {
	Application string
	Device      string
	Name        string
	Payload     []byte
}

// PublisherStats counts what the publisher did.
type PublisherStats struct {
	Published atomic.Uint64 // acknowledged
	Away      atomic.Uint64 // failed with ErrAway
	Denied    atomic.Uint64 // failed with ErrDenied
	Rejected  atomic.Uint64 // failed with ErrRejected
	Commands  atomic.Uint64 // received from the inbox
	MQTT      mqtt.Stats    // of all MQTT endpoints
}

// Publisher publishes as devices, through one gateway device per application.
// Its methods may be called concurrently.
type Publisher struct {
	endpoints map[string]endpoint // by application
	stats     PublisherStats
}

// endpoint is one way to publish. publish returns after the server's word.
type endpoint interface {
	run(ctx context.Context)
	retry() // a connection that failed, now
	publish(ctx context.Context, m message) error
}

// message is what is to be published.
type message struct {
	device      string // empty = the gateway device itself
	channel     string
	contentType string
	payload     []byte
}

// NewPublisher returns a publisher over cfg.Endpoints. It connects nothing
// until Run. Commands of the inbox go to commands, which must not block; nil
// drops them. An HTTP endpoint has no inbox.
func NewPublisher(cfg Config, commands func(Command), log *slog.Logger) (*Publisher, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if commands == nil {
		commands = func(Command) {}
	}
	p := &Publisher{endpoints: map[string]endpoint{}}
	received := func(c Command) {
		p.stats.Commands.Add(1)
		commands(c)
	}
	for _, e := range cfg.Endpoints {
		made, err := newEndpoint(e, received, &p.stats, log)
		if err != nil {
			return nil, err
		}
		p.endpoints[e.Application] = made
	}
	return p, nil
}

func newEndpoint(
	e Endpoint, received func(Command), stats *PublisherStats, log *slog.Logger,
) (endpoint, error) {
	u, err := url.Parse(e.URL)
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: %w", redacted(e.URL), err)
	}
	if strings.HasPrefix(u.Scheme, "http") {
		return newHTTPEndpoint(e)
	}
	if _, err := e.authorities().Pool(); err != nil {
		return nil, err
	}
	return newMQTTEndpoint(e, mqtt.Far, received, stats, log)
}

// Run keeps the endpoints connected until ctx ends, and returns when all are
// closed.
func (p *Publisher) Run(ctx context.Context) error {
	var work sync.WaitGroup
	for _, e := range p.endpoints {
		work.Go(func() { e.run(ctx) })
	}
	work.Wait()
	return nil
}

// Retry has connections that failed tried again now.
func (p *Publisher) Retry() {
	for _, e := range p.endpoints {
		e.retry()
	}
}

// Stats returns the counters.
func (p *Publisher) Stats() *PublisherStats { return &p.stats }

// Serves reports whether application has an endpoint.
func (p *Publisher) Serves(application string) bool { return p.endpoints[application] != nil }

// Publish publishes payload on channel as device, and returns after the
// upstream's acknowledgement. An empty device is the gateway device itself.
//
// The error is ErrAway (nothing gets through, try later), ErrDenied (this
// device is refused until somebody changes that) or ErrRejected (this event is
// never accepted), or the error of ctx. After ErrAway the event may have
// arrived: Drogue Cloud takes it at least once.
//
// JSON is checked by the server. Over MQTT 3.1.1, which carries no content
// type, and without one, it takes what looks like JSON for JSON.
func (p *Publisher) Publish(
	ctx context.Context, application, device, channel, contentType string, payload []byte,
) error {
	err := p.publish(ctx, application, message{device, channel, contentType, payload})
	p.stats.count(err)
	if err != nil {
		return fmt.Errorf("event of %s/%s on %s: %w", application, device, channel, err)
	}
	return nil
}

func (p *Publisher) publish(ctx context.Context, application string, m message) error {
	e := p.endpoints[application]
	switch {
	case e == nil:
		return fmt.Errorf("%w: application %s has no gateway device: "+
			"add one to upstream.drogue.endpoints", ErrRejected, application)
	case !plainChannel(m.channel):
		return fmt.Errorf("%w: a channel is one word without / + and #", ErrRejected)
	}
	return e.publish(ctx, m)
}

// denial explains a refusal to the operator.
func denial(e Endpoint, m message) string {
	return fmt.Sprintf("add %q to spec.gatewaySelector.matchNames of device %q (it does not list "+
		"our gateway device, does not exist, or is being deleted)", e.Device, m.device)
}

func (s *PublisherStats) count(err error) {
	switch {
	case err == nil:
		s.Published.Add(1)
	case errors.Is(err, ErrDenied):
		s.Denied.Add(1)
	case errors.Is(err, ErrRejected):
		s.Rejected.Add(1)
	case errors.Is(err, ErrAway):
		s.Away.Add(1)
	}
}
