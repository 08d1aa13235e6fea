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

// Bounds of the events that wait for their answers. A worker needs about a second
// for as many events as its queue holds; an older event is hardly worth an answer.
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

// arrival is an event and the time of its receipt.
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

// New returns the front of the network of s, with the codec of its server. It starts
// nothing: see Run. The upstream of p must not call the front.
func New(s Setup, c Codec, p front.Parts) (*Network, error) {
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	p.Log = p.Log.With(slog.String("network", s.Config.Name))
	h, err := NewHandler(s, p)
	if err != nil {
		return nil, err
	}
	n := &Network{handler: h, codec: c}
	for i := range n.queues {
		n.queues[i] = make(chan arrival, queueLimit)
	}
	filters := c.Filters(s.Config.ApplicationIDs)
	n.client, err = mqtt.New(s.Config.MQTT, mqtt.Parts{
		Pace: mqtt.Near, Filters: func() []string { return filters }, Receive: n.receive, Log: p.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("lorawan network %s: %w", s.Config.Name, err)
	}
	n.Counts().Extra = n.extra
	return n, nil
}

// extra returns the metrics of the network and of its connection.
func (n *Network) extra() []metric.Metric {
	s := n.Stats()
	all := append(s.extra(), metric.Switch("lorawan_connected",
		"Whether the network server's broker is connected.", n.Connected(), s.network))
	return append(all, n.client.Stats().Metrics("lorawan "+s.network.Value)...)
}

// Name implements front.Front.
func (n *Network) Name() string { return Protocol }

// Counts implements front.Front.
func (n *Network) Counts() *front.Counts { return n.handler.stats.Counts }

// Reload replaces the chunk sizes. Updates under way go on.
func (n *Network) Reload(s Setup) error { return n.handler.SetChunks(s.Chunks) }

// Close does nothing, as a network that does not Run holds nothing.
func (n *Network) Close() error { return nil }

// Connected reports whether events arrive.
func (n *Network) Connected() bool { return n.client.Connected() }

// Stats returns the counters of the front.
func (n *Network) Stats() *Stats { return n.handler.Stats() }

// Run answers events until ctx ends, then returns nil. While the broker is away, Run
// connects again and again. Run must be called at most once.
func (n *Network) Run(ctx context.Context) error {
	var work sync.WaitGroup
	defer work.Wait()
	for _, q := range n.queues {
		work.Go(func() { n.serve(ctx, q) })
	}
	return n.client.Run(ctx)
}

// receive decodes a message and gives the event to the worker of its device. The
// connection calls receive.
func (n *Network) receive(topic string, payload []byte) {
	at := time.Now()
	event, err := n.codec.Decode(topic, payload)
	if err != nil {
		n.handler.Reject(err)
		return
	}
	n.deliver(event, at)
}

// deliver gives an event to the worker of its device, so that the events of one device
// stay in order.
func (n *Network) deliver(e event.Event, at time.Time) {
	from := e.From()
	select {
	case n.queues[hash(from)>>16%workers] <- arrival{e, at}:
	default:
		n.handler.reject(Overflow, from, errOverflow)
	}
}

// Wake tells that a command waits for a device. If the device was heard and the broker
// is connected, the command goes down at once, else with the next uplink. Wake does not
// block.
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
	h.reject(rejectionOf(err), event.Device{}, err)
}
