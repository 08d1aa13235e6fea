package endpoint

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"

	"golang.org/x/time/rate"

	"havn/dfu"
	"havn/link"
	"havn/link/mqtt"
	"havn/telemetry"
	"havn/upstream"
	"havn/upstream/drogue"
)

// Stats counts what an endpoint received. What it published is counted by the
// forwarder.
type Stats struct {
	Commands atomic.Uint64 // received from the inbox
	Foreign  atomic.Uint64 // of those, dropped: of an update server in the cloud
	MQTT     mqtt.Stats
}

// Parts are an Endpoint's neighbours. All may be left out.
type Parts struct {
	// Commands takes the commands for devices. It must not block.
	Commands func(dfu.Device, telemetry.Command)
	Log      *slog.Logger
}

// Endpoint is the [upstream.Publisher] of one application.
type Endpoint struct {
	cfg        drogue.Endpoint
	channel    string // of status events
	way        way
	commands   func(dfu.Device, telemetry.Command)
	log        *slog.Logger
	foreignLog rate.Sometimes
	stats      Stats
}

var _ interface {
	upstream.Publisher
	upstream.Session
} = (*Endpoint)(nil)

// way is how events get to the cloud.
type way interface {
	run(ctx context.Context)
	retry() // a connection that failed, now
	// send returns after the cloud's word.
	send(ctx context.Context, m message) error
}

// message is what is to be published.
type message struct {
	device      string // empty = the gateway device itself
	channel     string
	contentType string
	payload     []byte
}

// New returns an endpoint that publishes status events on channel. It connects to
// nothing until Run. An HTTP endpoint receives no commands.
func New(cfg drogue.Endpoint, channel string, p Parts) (*Endpoint, error) {
	e := &Endpoint{
		cfg: cfg, channel: channel, commands: p.Commands, log: p.Log,
		foreignLog: rate.Sometimes{Interval: foreignPace},
	}
	if e.commands == nil {
		e.commands = func(dfu.Device, telemetry.Command) {}
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("%s: its url cannot be parsed", name(cfg)) // err could repeat a password
	}
	if strings.HasPrefix(u.Scheme, "http") {
		e.way, err = newHTTP(cfg)
	} else {
		e.way, err = newMQTT(cfg, mqtt.Far, e.receive, &e.stats.MQTT, e.log)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name(cfg), err)
	}
	return e, nil
}

// Stats returns the counters.
func (e *Endpoint) Stats() *Stats { return &e.stats }

// Name implements upstream.Publisher.
func (e *Endpoint) Name() string { return "drogue " + e.cfg.Application }

// Accepts implements upstream.Publisher.
func (e *Endpoint) Accepts(ev *upstream.Event) bool {
	return ev.Device.Application == e.cfg.Application
}

// Run implements upstream.Session. It keeps the endpoint connected.
func (e *Endpoint) Run(ctx context.Context) error {
	e.way.run(ctx)
	return nil
}

// Retry implements upstream.Session.
func (e *Endpoint) Retry() { e.way.retry() }

// Publish implements upstream.Publisher.
func (e *Endpoint) Publish(ctx context.Context, ev *upstream.Event) error {
	contentType, body, err := ev.Body()
	if err != nil {
		return fmt.Errorf("%w: %w", upstream.ErrRejected, err)
	}
	channel := e.channel
	if !ev.IsStatus() {
		channel = ev.Channel
	}
	if err := e.send(ctx, message{ev.Device.Name, channel, contentType, body}); err != nil {
		return fmt.Errorf("event of %s on %s: %w", ev.Device, channel, err)
	}
	return nil
}

func (e *Endpoint) send(ctx context.Context, m message) error {
	if !drogue.PlainName(m.channel) {
		return fmt.Errorf("%w: a channel is one word without / + and #", upstream.ErrRejected)
	}
	return e.way.send(ctx, m)
}

// account returns user name and password of the gateway device. The server
// splits at the first @ and decodes percent signs left of it.
func account(cfg drogue.Endpoint) (user, password string, err error) {
	password, err = link.File{Key: "upstream.drogue.endpoints: password_file", Path: cfg.PasswordFile}.Password()
	return userEscaper.Replace(cfg.Device) + "@" + cfg.Application, password, err
}

var userEscaper = strings.NewReplacer("%", "%25", "@", "%40")

// authorities returns the file that the server of an endpoint is checked with.
func authorities(cfg drogue.Endpoint) link.File {
	return link.File{Key: "upstream.drogue.endpoints: ca", Path: cfg.CA}
}

// name is what operators know an endpoint by.
func name(cfg drogue.Endpoint) string {
	return "gateway device " + cfg.Device + " of " + cfg.Application
}

// denial explains a refusal to the operator.
func denial(cfg drogue.Endpoint, m message) string {
	return fmt.Sprintf("add %q to spec.gatewaySelector.matchNames of device %q (it does not list "+
		"our gateway device, does not exist, or is being deleted)", cfg.Device, m.device)
}

// contentName is what an event should be, for the operator.
func contentName(contentType string) string {
	if contentType == "" {
		return "JSON"
	}
	return contentType
}
