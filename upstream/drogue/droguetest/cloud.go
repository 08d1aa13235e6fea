package droguetest

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
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
	OnEvent func(Event)
}

// Cloud is a stand-in for Drogue Cloud. Its methods may be called concurrently.
type Cloud struct {
	RegistryURL    string // http(s)://HOST:PORT
	HTTPURL        string // http(s)://HOST:PORT
	MQTTURL        string // mqtt(s)://HOST:PORT
	IntegrationURL string // mqtt(s)://HOST:PORT
	CA             []byte // PEM certificate that all four present; nil without TLS

	opts    Options
	fronts  map[Kind]*front
	stops   []func()
	work    sync.WaitGroup
	ctx     context.Context
	mu      sync.Mutex
	users   map[string]User
	apps    map[string]*application
	inboxes map[*inbox]bool
	groups  map[string]*group
	session map[string]*client // by application/device
}

// User is an account of the registry and of the integration.
type User struct {
	Name   string
	Token  string // access token, for Basic and MQTT
	Bearer string // OpenID token
	Reader bool   // may read only
}

// Start starts a stand-in.
func Start(opts Options) (*Cloud, error) {
	opts.AuthCache = cmp.Or(opts.AuthCache, 30*time.Second)
	c := &Cloud{
		opts: opts, fronts: map[Kind]*front{}, users: map[string]User{}, apps: map[string]*application{},
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
		cert, pem, err := newCertificate()
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
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		f := &front{Listener: l, requests: map[string]uint64{}, conns: map[*frontConn]bool{}}
		f.changed = sync.NewCond(&f.mu)
		c.fronts[s.kind], l = f, f
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
		f.close()
	}
	for _, stop := range c.stops {
		stop()
	}
	c.work.Wait()
}

func (c *Cloud) serveRegistry(l net.Listener) { c.serveHTTP(l, Registry, c.registryHandler()) }

func (c *Cloud) serveEndpoint(l net.Listener) { c.serveHTTP(l, HTTP, c.endpointHandler()) }

func (c *Cloud) serveHTTP(l net.Listener, kind Kind, h http.Handler) {
	server := &http.Server{
		Handler: c.spoil(kind, h), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0),
	}
	c.work.Go(func() { server.Serve(l) })
	c.stops = append(c.stops, func() { server.Close() })
}

// AddUser adds or replaces an account.
func (c *Cloud) AddUser(u User) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users[u.Name] = u
}

// newUUID returns a random UUID, version 4.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
