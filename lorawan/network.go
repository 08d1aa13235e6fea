package lorawan

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"havn/dfu"
	"havn/front"
	"havn/link/mqtt"
	"havn/lorawan/event"
	"havn/lorawan/region"
	"havn/metric"
)

// Codec translates the messages of one network server. It is safe for
// concurrent use.
type Codec interface {
	// Filters returns the subscriptions for the events of some applications.
	Filters(applications []string) []string
	// Decode reads a message and keeps nothing of it.
	Decode(topic string, payload []byte) (event.Event, error)
	// Encode writes a downlink.
	Encode(event.Downlink) (topic string, payload []byte, err error)
}

// How events wait for their answers. A queue holds about a second of events at
// the pace a worker has; what is older is hardly worth an answer.
const (
	workers    = 4
	queueLimit = 4096 // events per worker
)

// Network is the loop around a [Handler]: events of the broker in, downlinks
// to the broker out.
type Network struct {
	handler *Handler
	codec   Codec
	client  *mqtt.Client
	queues  [workers]chan arrival
}

// arrival is an event and when it came.
type arrival struct {
	event event.Event
	at    time.Time
}

// Setup is what the configuration says of one network.
type Setup struct {
	Config Config
	Chunks Chunks
	Shard  Shard
}

// New returns the front of the network of s, whose server speaks as c. It starts
// nothing: see Run.
func New(s Setup, c Codec, p front.Parts) (*Network, error) {
	h, err := NewHandler(s.Config, s.Chunks, s.Shard, p)
	if err != nil {
		return nil, err
	}
	n, err := NewNetwork(h, c, p.Log)
	if err != nil {
		return nil, fmt.Errorf("lorawan network %s: %w", s.Config.Name, err)
	}
	return n, nil
}

// NewNetwork returns the loop around h, on the broker of the network that h is
// for. It starts nothing. log may be nil.
func NewNetwork(h *Handler, c Codec, log *slog.Logger) (*Network, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	n := &Network{handler: h, codec: c}
	for i := range n.queues {
		n.queues[i] = make(chan arrival, queueLimit)
	}
	filters := c.Filters(h.cfg.ApplicationIDs)
	var err error
	n.client, err = mqtt.New(h.cfg.MQTT, mqtt.Parts{
		Pace: mqtt.Near, Filters: func() []string { return filters }, Receive: n.receive,
		Log: log.With(slog.String("network", h.cfg.Name)),
	})
	n.Counts().Extra = n.extra
	return n, err
}

// extra returns the metrics of the network and of its connection.
func (n *Network) extra() []metric.Metric {
	s := n.Stats()
	connected := metric.Switch("lorawan_connected", "Whether the network server's broker is connected.",
		n.Connected(), s.network)
	all := append(s.extra(), connected)
	return append(all, n.client.Stats().Metrics("lorawan "+s.network.Value)...)
}

// Name returns the protocol.
func (n *Network) Name() string { return Protocol }

// Counts returns what the front counts.
func (n *Network) Counts() *front.Counts { return n.handler.stats.Counts }

// Reload takes over the chunk sizes of next. Updates under way go on.
func (n *Network) Reload(next Setup) error { return n.handler.SetChunks(next.Chunks) }

// Close does nothing: only Run holds something.
func (n *Network) Close() error { return nil }

// Connected reports whether events arrive.
func (n *Network) Connected() bool { return n.client.Connected() }

// Stats returns the counters of the front.
func (n *Network) Stats() *Stats { return n.handler.Stats() }

// BrokerStats returns the counters of the connection.
func (n *Network) BrokerStats() *mqtt.Stats { return n.client.Stats() }

// Run answers events until ctx ends, which is no error. A broker that is away
// is waited for. Call it once.
func (n *Network) Run(ctx context.Context) error {
	var work sync.WaitGroup
	defer work.Wait()
	for _, q := range n.queues {
		work.Go(func() { n.serve(ctx, q) })
	}
	return n.client.Run(ctx)
}

// receive decodes a message and gives it to the worker of its device, so that
// the events of one device stay in order. The connection calls it.
func (n *Network) receive(topic string, payload []byte) {
	at := time.Now()
	event, err := n.codec.Decode(topic, payload)
	if err != nil {
		n.handler.Reject(err)
		return
	}
	n.deliver(event, at)
}

// deliver gives an event to the worker of its device.
func (n *Network) deliver(e event.Event, at time.Time) {
	from := e.From()
	select {
	case n.queues[hash(from)>>16%workers] <- arrival{e, at}:
	default:
		n.handler.reject(Overflow, from, errOverflow)
	}
}

// Wake tells that a command waits for a device. If the device was heard, the
// command goes down at once; else, and while the broker is away, it waits for
// the next uplink. Wake does not block.
func (n *Network) Wake(dev dfu.Device) {
	if dev.Application != n.handler.cfg.Application || !n.Connected() {
		return
	}
	if d, known := n.handler.Find(dev.Name); known {
		n.deliver(event.Pending{Device: d}, time.Now())
	}
}

var errOverflow = errors.New("the queue of events is full")

func (n *Network) serve(ctx context.Context, q <-chan arrival) {
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-q:
			n.answer(a)
		}
	}
}

func (n *Network) answer(a arrival) {
	dl, ok := n.handler.Handle(a.event, a.at)
	if !ok {
		return
	}
	topic, payload, err := n.codec.Encode(dl)
	if err == nil {
		err = n.client.Publish(topic, payload)
	}
	if err != nil {
		n.handler.Unsent(dl, err)
		return
	}
	if _, answered := a.event.(event.Uplink); answered {
		n.handler.stats.Answers.Observe(time.Since(a.at), 1)
	}
}

// Reject counts and logs a message that a codec could not decode.
func (h *Handler) Reject(err error) {
	why := front.Malformed
	if errors.Is(err, region.ErrDataRate) {
		why = BadDataRate
	}
	h.reject(why, event.Device{}, err)
}
