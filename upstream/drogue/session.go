package drogue

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"
)

const (
	keepAlive = 60 // seconds; a dead link is noticed after two of them
	// inbound bounds the messages that were received and not handled yet.
	inbound = 64
	// ackTimeout is how long an acknowledgement may take before the connection
	// is given up.
	ackTimeout = 30 * time.Second
	// goodbye is how long a clean end of a connection may take.
	goodbye = time.Second
	// stable is how long a connection has to last before the next loss is
	// answered without delay: two clients with one identity would otherwise
	// throw each other out as fast as they can.
	stable = time.Minute
	// takenOver is how many failures a takeover counts for.
	takenOver = 5
)

// conns is what makes one connection after the other.
type conns = autopaho.ConnectionManager

// session keeps one clean MQTT session alive: it connects, calls attach after
// each connection, and waits longer after each failure.
type session struct {
	name     string // of what it is connected to, for errors and logs
	url      *url.URL
	account  func() (user, password string, err error)
	trust    *tls.Config
	receive  func(topic string, payload []byte) // must not block
	attach   func(ctx context.Context) error    // subscribes; repeated until it succeeds
	lost     func()                             // the connection is down
	log      *slog.Logger
	patience time.Duration // ackTimeout

	reconnects, takeovers *atomic.Uint64

	pokes  chan struct{} // attach is to be called
	onlyV3 atomic.Bool   // the server asked for MQTT 3.1.1
	serial atomic.Uint64 // connections made so far

	mu    sync.Mutex
	conns *conns             // set when alive is
	conn  net.Conn           // the current one, or the one being made
	alive context.Context    // ends with the connection; nil = down
	end   context.CancelFunc // ends alive
	since time.Time          // when the connection came up
	cause error              // why it is down
	fails int                // failures in a row
}

func newSession(name, address, ca string, log *slog.Logger) (*session, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	trust, err := tlsConfig(name, ca)
	if err != nil {
		return nil, err
	}
	if trust == nil {
		trust = &tls.Config{}
	}
	trust.ServerName = u.Hostname()
	return &session{
		name: name, url: u, trust: trust, log: log, lost: func() {},
		pokes: make(chan struct{}, 1), cause: errNotYet, patience: ackTimeout,
		reconnects: new(atomic.Uint64), takeovers: new(atomic.Uint64),
	}, nil
}

var (
	errNotYet = errors.New("not connected yet")
	errLost   = errors.New("the connection was lost")
	errClosed = errors.New("the gateway is shutting down")
)

// run connects until ctx ends.
func (s *session) run(ctx context.Context) {
	made, err := autopaho.NewConnection(ctx, s.config())
	if err != nil {
		s.log.Error("internal error: MQTT client not made", slog.Any("error", err))
		return
	}
	s.attachLoop(ctx)
	select {
	case <-made.Done():
	case <-time.After(goodbye):
		s.drop()
		<-made.Done()
	}
	s.close()
}

func (s *session) config() autopaho.ClientConfig {
	return autopaho.ClientConfig{
		ServerUrls:           []*url.URL{s.url},
		KeepAlive:            keepAlive,
		ConnectTimeout:       s.patience,
		ReconnectBackoff:     s.backoff,
		AttemptConnection:    s.dial,
		ConnectPacketBuilder: s.connectPacket,
		OnConnectionUp:       s.up,
		OnConnectionDown:     s.down,
		OnConnectError:       s.failed,
		ClientConfig: paho.ClientConfig{
			PacketTimeout:      s.patience,
			OnServerDisconnect: s.disconnected,
			OnPublishReceived: []func(paho.PublishReceived) (bool, error){
				func(p paho.PublishReceived) (bool, error) {
					s.receive(p.Packet.Topic, p.Packet.Payload)
					return true, nil
				},
			},
		},
	}
}

// connectPacket asks for a clean session each time, as Drogue Cloud demands.
func (s *session) connectPacket(p *paho.Connect, _ *url.URL) (*paho.Connect, error) {
	user, password, err := s.account()
	if err != nil {
		return nil, err
	}
	p.CleanStart = true
	p.Username, p.UsernameFlag = user, user != ""
	p.Password, p.PasswordFlag = []byte(password), password != ""
	receiveMax := uint16(inbound)
	p.Properties = &paho.ConnectProperties{ReceiveMaximum: &receiveMax, RequestProblemInfo: true}
	return p, nil
}

func (s *session) dial(ctx context.Context, _ autopaho.ClientConfig, u *url.URL) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var conn net.Conn
	var err error
	if u.Scheme == "mqtts" {
		conn, err = (&tls.Dialer{Config: s.trust}).DialContext(ctx, "tcp", host(u, "8883"))
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", host(u, "1883"))
	}
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = conn
	return newPacketConn(conn, &s.onlyV3), nil
}

func host(u *url.URL, port string) string {
	if u.Port() != "" {
		port = u.Port()
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// poke has attach called.
func (s *session) poke() {
	select {
	case s.pokes <- struct{}{}:
	default: // it will be
	}
}

// attachLoop calls attach when there is something to attach to, and again
// where it fails.
func (s *session) attachLoop(ctx context.Context) {
	again := time.NewTimer(maxRetry)
	defer again.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.pokes:
		case <-again.C:
		}
		if !s.connected() {
			continue
		}
		err := s.attach(ctx)
		if err == nil || ctx.Err() != nil {
			continue
		}
		if again.Reset(stable); err.Error() != said {
			said = err.Error()
			s.log.Warn(s.name+": not subscribed; tried again", slog.Any("error", err))
		}
	}
}

func (s *session) connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.alive != nil
}

// use calls f with what to send with. The context of f ends with the
// connection too, as the client waits for answers that cannot come any more;
// the error is errLost then.
func (s *session) use(ctx context.Context, f func(context.Context, *conns) error) error {
	s.mu.Lock()
	with, alive, cause := s.conns, s.alive, s.cause
	s.mu.Unlock()
	if alive == nil {
		return fmt.Errorf("%s: %w: %w", s.name, ErrAway, cause)
	}
	until, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(alive, cancel)()
	err := f(until, with)
	if errors.Is(err, context.Canceled) && ctx.Err() == nil {
		return errLost
	}
	return err
}

// subscribe subscribes to one filter and checks that it was granted.
func (s *session) subscribe(ctx context.Context, filter string, qos byte) error {
	var ack *paho.Suback
	err := s.use(ctx, func(ctx context.Context, with *conns) (err error) {
		ack, err = with.Subscribe(ctx, &paho.Subscribe{
			Subscriptions: []paho.SubscribeOptions{{Topic: filter, QoS: qos}},
		})
		return err
	})
	switch {
	case ack != nil && len(ack.Reasons) == 1 && ack.Reasons[0] >= 0x80:
		return fmt.Errorf("%s: %s: %w: reason %#x", s.name, filter, ErrDenied, ack.Reasons[0])
	case err != nil:
		return away(ctx, s.name+": "+filter, err)
	}
	return nil
}

// drop ends the connection; another is made.
func (s *session) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.Close()
	}
}
