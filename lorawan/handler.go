package lorawan

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"havn/front"
	"havn/lorawan/event"
	"havn/telemetry"
	"havn/update"
)

// Handler turns the events of one network into downlinks. It may be used by
// many goroutines at once, but the events of one device must come in order.
type Handler struct {
	engine      *update.Engine
	upstream    telemetry.Upstream
	cfg         Config
	application []byte
	shard       Shard
	radio       radio
	chunks      atomic.Pointer[Chunks]
	stats       Stats

	mu      sync.Mutex
	devices table
	airtime budget
	expires bool // downlinks have an Expires
}

// NewHandler returns a handler for the network cfg. It fails where cfg, c or s
// do not validate. The upstream of p must not call the handler.
func NewHandler(cfg Config, c Chunks, s Shard, p front.Parts) (*Handler, error) {
	faults := cfg.Validate()
	faults.Below("shard", s.Validate())
	if err := faults.Err(); err != nil {
		return nil, fmt.Errorf("network %q: %w", cfg.Name, err)
	}
	radio, err := newRadio(cfg.Radio())
	if err != nil {
		return nil, err
	}
	h := &Handler{
		engine: p.Engine, upstream: p.Upstream, cfg: cfg.WithDefaults(), shard: s, radio: radio,
		application: []byte(cfg.Application), devices: newTable(),
		airtime: newBudget(cfg.AirtimeBudget), expires: cfg.Server.expires(),
	}
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	h.stats.init(cfg.Name, p.Log.With(slog.String("network", cfg.Name)))
	return h, h.SetChunks(c)
}

// SetChunks replaces the chunk sizes. Updates under way go on.
func (h *Handler) SetChunks(c Chunks) error {
	c = c.WithDefaults()
	if err := c.Validate().Err(); err != nil {
		return fmt.Errorf("lorawan: chunks: %w", err)
	}
	h.chunks.Store(&c)
	return nil
}

// Stats returns the counters of the front.
func (h *Handler) Stats() *Stats { return &h.stats }

// Handle returns the downlink that an event asks for, if it asks for any. It
// does not block and takes any event.
func (h *Handler) Handle(e event.Event, now time.Time) (event.Downlink, bool) {
	from := e.From()
	switch {
	case !h.shard.Mine(from):
		h.stats.Elsewhere.Add(1)
		return event.Downlink{}, false
	case !h.answers(from.Application):
		h.reject(OtherOrigin, from, fmt.Errorf("%q is not in application_ids", from.Application))
		return event.Downlink{}, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if up, ok := e.(event.Uplink); ok {
		h.stats.Uplinks.Add(1)
		return h.uplink(&up, now)
	}
	d := h.devices.find(from)
	if d == nil {
		return event.Downlink{}, false
	}
	if h.notice(d, e, now); !d.due() {
		return event.Downlink{}, false
	}
	return h.command(d, now)
}

// answers reports whether the devices of an application are ours.
func (h *Handler) answers(application string) bool {
	return len(h.cfg.ApplicationIDs) == 0 || slices.Contains(h.cfg.ApplicationIDs, application)
}

// Unsent takes back a downlink of Handle that could not be published.
func (h *Handler) Unsent(dl event.Downlink, err error) {
	h.reject(Undeliverable, dl.Device, err)
	h.mu.Lock()
	defer h.mu.Unlock()
	if d := h.devices.find(dl.Device); d != nil {
		d.queue.Left(dl.ID)
	}
}

// reject counts an event that was not accepted, and logs it.
func (h *Handler) reject(why front.Reason, d event.Device, err error) {
	warn(h.stats.Reject(why), advice[why], d, err)
}

// warn logs what concerns one device. A nil log means that no line is due.
func warn(log *slog.Logger, text string, d event.Device, err error) {
	if log != nil {
		log.Warn("lorawan: "+text, slog.String("device", d.Name),
			slog.String("devEUI", d.EUI.String()), slog.Any("error", err))
	}
}

// advice is what an operator should know or do.
var advice = map[front.Reason]string{
	front.Malformed:  "an event cannot be read; check server and marshaler of the network",
	front.BadStatus:  "an uplink on the firmware port holds no Status; look at the device",
	Encrypted:        "a payload cannot be read; let the network server hold the AppSKey",
	BadTag:           "a tag of a device cannot be used; the device gets no firmware until it can",
	BadDataRate:      "an uplink came at an unknown data rate; check the region of the network",
	Duplicate:        "an uplink came twice and was taken once",
	Replayed:         "an old uplink came again and was ignored",
	OtherOrigin:      "an event of another application was ignored",
	Undeliverable:    "a downlink could not be published; a device asks again for firmware, a command is lost",
	Overflow:         "events come faster than they are answered; some were dropped",
	front.BadCommand: "a command of the upstream cannot be sent and was dropped",
	front.Untaken:    "telemetry is not taken; add an endpoint for its application to upstream.drogue",
}

// notice takes what an event tells about the queue of a known device.
func (h *Handler) notice(d *device, e event.Event, now time.Time) {
	switch e := e.(type) {
	case event.Joined:
		d.joined()
	case event.TxAck:
		d.queue.Sent(e.ID)
	case event.Error:
		h.failure(d, e, now)
	}
}

// failure notes that a downlink was not sent.
func (h *Handler) failure(d *device, e event.Error, now time.Time) {
	log := h.stats.failures.Reject(label(e.Reason))
	if e.Reason == event.ReasonOther {
		return
	}
	warn(log, remedy[e.Reason], e.Device, errors.New(e.Text))
	if e.Queued {
		d.queue.Kept(e.ID)
		return
	}
	last := d.queue.Last
	if !d.queue.Left(e.ID) {
		return
	}
	switch e.Reason {
	case event.ReasonOversize:
		h.oversize(d, last.Size, e.MaxPayload, now)
	case event.ReasonExpired:
		h.expires = h.expires && now.After(last.Fresh)
	case event.ReasonGateway, event.ReasonOther: // nothing to learn
	}
}

var remedy = map[event.Reason]string{
	event.ReasonOversize: "the network server refused a downlink as too long; smaller ones follow. " +
		"Check region, repeater, rx1_dr_offset and window of the network",
	event.ReasonGateway: "a radio gateway did not send a downlink; it goes out later",
	event.ReasonExpired: "a downlink expired in the network server's queue. " +
		"If it was new, the clocks differ: synchronize them",
}

// oversize learns from the refusal of size bytes. A limit of 0 was not told.
func (h *Handler) oversize(d *device, size, limit int, now time.Time) {
	if limit == 0 || limit >= size {
		limit = h.radio.below(size)
	}
	d.learn(limit, now)
}
