package droguetest

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"havn/upstream/drogue/droguetest/apps"
	"havn/upstream/drogue/droguetest/wire"
)

// Options of a stand-in. The zero value speaks plain HTTP and MQTT on free
// ports of 127.0.0.1.
type Options struct {
	TLS bool // speak TLS, with the certificate Cloud.CA
	// AuthCache is how long an MQTT connection remembers whom it may publish
	// for; 0 = 30 s, as Drogue Cloud; negative = not at all.
	AuthCache time.Duration
	// FairPoll subscribes a long poll before its event is published.
	FairPoll bool
	// OnEvent is called with each event, after it is in the stream.
	OnEvent func(apps.Event)
}

// Cloud is a stand-in for Drogue Cloud. Its methods may be called concurrently.
type Cloud struct {
	*apps.Apps

	RegistryURL    string // http(s)://HOST:PORT
	HTTPURL        string // http(s)://HOST:PORT
	MQTTURL        string // mqtt(s)://HOST:PORT
	IntegrationURL string // mqtt(s)://HOST:PORT
	CA             []byte // PEM certificate that all four present; nil without TLS

	opts    Options
	fronts  map[Kind]*wire.Front
	stops   []func()
	work    sync.WaitGroup
	ctx     context.Context
	mu      sync.Mutex
	inboxes map[*inbox]bool
	groups  map[string]*group
	session map[string]*client // by application/device
}

// Start starts a stand-in.
func Start(opts Options) (*Cloud, error) {
	opts.AuthCache = cmp.Or(opts.AuthCache, 30*time.Second)
	c := &Cloud{
		Apps: apps.New(), opts: opts, fronts: map[Kind]*wire.Front{},
		inboxes: map[*inbox]bool{}, groups: map[string]*group{}, session: map[string]*client{},
	}
	var stop context.CancelFunc
	c.ctx, stop = context.WithCancel(context.Background())
	c.stops = append(c.stops, stop)
	if err := c.start(); err != nil {
		c.Close()
		return nil, fmt.Errorf("stand-in for Drogue Cloud: %w", err)
	}
	return c, nil
}

func (c *Cloud) start() error {
	var config *tls.Config
	if c.opts.TLS {
		cert, pem, err := wire.NewCertificate()
		if err != nil {
			return err
		}
		config, c.CA = &tls.Config{Certificates: []tls.Certificate{cert}}, pem
	}
	starts := []struct {
		kind   Kind
		scheme string
		url    *string
		serve  func(net.Listener)
	}{
		{Registry, "http", &c.RegistryURL, c.serveRegistry},
		{HTTP, "http", &c.HTTPURL, c.serveEndpoint},
		{MQTT, "mqtt", &c.MQTTURL, func(l net.Listener) { c.serveMQTT(l, mqttEndpoint{c}) }},
		{Integration, "mqtt", &c.IntegrationURL, func(l net.Listener) { c.serveMQTT(l, integration{c}) }},
	}
	for _, s := range starts {
		f, err := wire.Listen()
		if err != nil {
			return err
		}
		c.fronts[s.kind] = f
		var l net.Listener = f
		if config != nil {
			l = tls.NewListener(f, config)
			s.scheme += "s"
		}
		*s.url = s.scheme + "://" + f.Addr().String()
		s.serve(l)
	}
	return nil
}

// Close ends all connections and returns when everything has ended.
func (c *Cloud) Close() {
	for _, f := range c.fronts {
		f.Close()
	}
	for _, stop := range c.stops {
		stop()
	}
	c.work.Wait()
}

func (c *Cloud) serveRegistry(l net.Listener) { c.serveHTTP(l, Registry, c.Handler()) }

func (c *Cloud) serveEndpoint(l net.Listener) { c.serveHTTP(l, HTTP, c.endpointHandler()) }

func (c *Cloud) serveHTTP(l net.Listener, kind Kind, h http.Handler) {
	server := &http.Server{
		Handler: c.fronts[kind].Spoil(apps.Base, h), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0),
	}
	c.work.Go(func() { server.Serve(l) })
	c.stops = append(c.stops, func() { server.Close() })
}

// Kind is one of the interfaces of Drogue Cloud.
type Kind string

// The interfaces.
const (
	Registry    Kind = "registry"    // device registry, REST
	HTTP        Kind = "http"        // HTTP endpoint of devices
	MQTT        Kind = "mqtt"        // MQTT endpoint of devices
	Integration Kind = "integration" // MQTT integration of applications
)

// Set changes how an interface is reached.
func (c *Cloud) Set(kind Kind, mode wire.Mode) { c.fronts[kind].Set(mode) }

// Counters returns what went through an interface so far.
func (c *Cloud) Counters(kind Kind) wire.Counter { return c.fronts[kind].Counter() }

// Inject spoils the next answers of an interface.
func (c *Cloud) Inject(kind Kind, f wire.Fault) { c.fronts[kind].Inject(f) }

// Heal takes all faults of an interface back.
func (c *Cloud) Heal(kind Kind) { c.fronts[kind].Heal() }

// publish takes an event of a device. It reports whether the event was accepted.
func (c *Cloud) publish(e apps.Event) bool {
	e, ok := c.Publish(e)
	if ok && c.opts.OnEvent != nil {
		c.opts.OnEvent(e)
	}
	return ok
}
