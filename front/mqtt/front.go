package mqtt

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/errgroup"

	"havn/dfu"
	"havn/front"
	"havn/link"
)

// Bounds of a connection. QoS 0 and 1 are what Drogue Cloud's endpoint takes.
const (
	maxConnections = 4096
	maxPacket      = 16 << 10
	maxQoS         = 1
	maxPending     = 16                     // packets that the library keeps for a client
	connectTimeout = 15 * time.Second       // from the first byte to the CONNECT
	writeTimeout   = 10 * time.Second       // of one packet
	acceptPause    = 100 * time.Millisecond // after a connection that could not be accepted
)

// Front keeps the connections of devices, on one or two TCP ports.
type Front struct {
	cfg       Config
	handler   *handler
	mqtt      *mochi.Server
	listeners []net.Listener
	identity  link.Identity
	ids       atomic.Uint64
	open      sync.WaitGroup // one per connection

	mu     sync.Mutex
	own    map[dfu.Device]*session // the connection of a device
	routes map[dfu.Device]*session // the connection that takes the commands for a device
}

var (
	_ front.Listener = (*Front)(nil)
	_ front.Waker    = (*Front)(nil)
)

// New binds the ports of cfg. It starts nothing: see Run.
func New(cfg Setup, p front.Parts) (_ *Front, err error) {
	if err := cfg.Config.Validate().Err(); err != nil {
		return nil, fmt.Errorf("mqtt: %w", err)
	}
	s := &Front{
		cfg: cfg.Config, own: map[dfu.Device]*session{}, routes: map[dfu.Device]*session{},
		mqtt: mochi.New(&mochi.Options{
			Capabilities: capabilities(), Logger: slog.New(slog.DiscardHandler),
		}),
	}
	s.handler = newHandler(cfg.Chunks, p, s.speaksFor)
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	if err := s.mqtt.AddHook(&hooks{front: s}, nil); err != nil {
		return nil, fmt.Errorf("mqtt: %w", err)
	}
	if err := s.readCertificate(); err != nil {
		return nil, err
	}
	return s, s.bind()
}

// Name implements front.Front.
func (*Front) Name() string { return Name }

// Counts implements front.Front.
func (s *Front) Counts() *front.Counts { return s.handler.counts }

// Reload replaces the chunk sizes, and reads the certificate again. Connections go on.
func (s *Front) Reload(cfg Setup) error {
	s.handler.setChunks(cfg.Chunks)
	return s.readCertificate()
}

// capabilities are what the front offers of MQTT: clean sessions, QoS 0 and 1, no
// topic aliases. A message with the retain flag is taken like any other message.
func capabilities() *mochi.Capabilities {
	c := mochi.NewDefaultServerCapabilities()
	c.MaximumClients = maxConnections
	c.MaximumPacketSize, c.MaximumQos = maxPacket, maxQoS
	c.MaximumClientWritesPending, c.MaximumSessionExpiryInterval = maxPending, 0
	c.TopicAliasMaximum, c.SharedSubAvailable, c.SubIDAvailable = 0, 0, 0
	c.MinimumProtocolVersion = 4 // MQTT 3.1.1
	return c
}

// bind opens the ports.
func (s *Front) bind() error {
	secret := &tls.Config{GetCertificate: s.identity.Certificate}
	for _, port := range []struct {
		key, address string
		tls          bool
	}{{"mqtt.listen", s.cfg.Listen, false}, {"mqtt.tls_listen", s.cfg.TLSListen, true}} {
		if port.address == "" {
			continue
		}
		l, err := net.Listen("tcp", port.address)
		if err != nil {
			return fmt.Errorf("%s: %w", port.key, err)
		}
		if l = netutil.LimitListener(l, maxConnections); port.tls {
			l = tls.NewListener(l, secret)
		}
		s.listeners = append(s.listeners, l)
	}
	return nil
}

// readCertificate reads the certificate and its key again. After an error, the
// certificate in use stays.
func (s *Front) readCertificate() error {
	if s.cfg.TLSListen == "" {
		return nil
	}
	return s.identity.Reload(link.KeyPair{
		Certificate: link.File{Key: "mqtt.certificate", Path: s.cfg.Certificate}, Key: s.cfg.Key,
	})
}

// Addr returns the address of the port: of two ports, that without TLS.
func (s *Front) Addr() net.Addr { return s.listeners[0].Addr() }

// URLs returns the addresses that devices reach.
func (s *Front) URLs() (all []string) {
	schemes := []string{"mqtt://", "mqtts://"}
	if s.cfg.Listen == "" {
		schemes = schemes[1:]
	}
	for i, l := range s.listeners {
		all = append(all, schemes[i]+l.Addr().String())
	}
	return all
}

// Run serves until ctx ends, then returns nil; or until a socket breaks, then returns
// the error. When Run returns, all connections have ended and the ports are free. Run
// must be called at most once.
func (s *Front) Run(ctx context.Context) error {
	connections, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	ports, over := errgroup.WithContext(ctx)
	for _, l := range s.listeners {
		ports.Go(func() error { return s.accept(connections, l) })
	}
	<-over.Done()
	_ = s.Close()
	err := ports.Wait()
	s.dismiss()
	end()
	s.open.Wait()
	if ctx.Err() != nil {
		return nil // the sockets were closed for it
	}
	return err
}

// dismiss tells all devices that the front ends.
func (s *Front) dismiss() {
	s.mu.Lock()
	all := slices.Collect(maps.Values(s.own))
	s.mu.Unlock()
	for _, c := range all {
		s.drop(c.client, packets.ErrServerShuttingDown)
	}
}

// Close frees the ports of a front that does not Run.
func (s *Front) Close() (err error) {
	for _, l := range s.listeners {
		err = errors.Join(err, l.Close())
	}
	return err
}

// accept serves the connections of one port until the port is closed. The connections
// end with ctx.
func (s *Front) accept(ctx context.Context, l net.Listener) error {
	for {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("mqtt: %w", err)
		case err != nil: // the process is out of files, or the client is gone
			s.handler.reject(Unreadable, l.Addr().String(), err)
			time.Sleep(acceptPause)
		default:
			s.open.Go(func() { s.serve(ctx, newSession(conn)) })
		}
	}
}

// serve serves one connection until it ends.
func (s *Front) serve(ctx context.Context, c *session) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) }) // also before its CONNECT
	defer stop()
	s.handler.connections.Add(1)
	defer s.handler.connections.Add(-1)
	_ = c.SetDeadline(time.Now().Add(connectTimeout))
	var pushing sync.WaitGroup
	pushing.Go(func() { c.push(ctx, s) })
	err := s.mqtt.EstablishConnection("", c)
	s.leave(c)
	s.handler.ended(c, err)
	cancel()
	pushing.Wait()
}

// newID returns a client identifier that is not in use.
func (s *Front) newID() string { return strconv.FormatUint(s.ids.Add(1), 10) }

// drop ends the connection of a client. In MQTT 3.1.1, a server cannot send a DISCONNECT.
func (s *Front) drop(cl *mochi.Client, why packets.Code) {
	if cl.Properties.ProtocolVersion < 5 {
		cl.Stop(why)
		return
	}
	_ = s.mqtt.DisconnectClient(cl, why) // returns why
}
