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
	"havn/lorawan/region"
	"havn/telemetry"
	"havn/update"
)

// Handler turns the events of one network into downlinks. Its methods may be called
// concurrently, but the events of one device must come in order.
type Handler struct {
	engine      *update.Engine
	upstream    telemetry.Upstream
	cfg         Config
	application []byte
	shard       Shard
	radio       *region.Network
	chunks      atomic.Pointer[Chunks]
	stats       Stats

	mu      sync.Mutex
	devices table
	airtime region.Budget
	expires bool // downlinks are given an expiry
}

// NewHandler returns a handler for the network of s. It fails where s does not
// validate. The upstream of p must not call the handler.
func NewHandler(s Setup, p front.Parts) (*Handler, error) {
	cfg := s.Config
	faults := cfg.Validate()
	faults.Below("shard", s.Shard.Validate())
	if err := faults.Err(); err != nil {
		return nil, fmt.Errorf("lorawan network %q: %w", cfg.Name, err)
	}
	radio, err := region.NewNetwork(cfg.Radio)
	if err != nil {
		return nil, err
	}
	h := &Handler{
		engine: p.Engine, upstream: p.Upstream, cfg: cfg.WithDefaults(), shard: s.Shard, radio: radio,
		application: []byte(cfg.Application), devices: newTable(),
		airtime: region.NewBudget(cfg.AirtimeBudget), expires: cfg.Server.expires(),
	}
	h.stats.init(cfg.Name, p.Log)
	return h, h.SetChunks(s.Chunks)
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

// Handle returns the downlink that an event asks for, and false if the event asks for
// none. It does no I/O.
func (h *Handler) Handle(e event.Event, now time.Time) (event.Downlink, bool) {
	from := e.From()
	switch {
	case !h.shard.Mine(from):
		h.stats.Elsewhere.Add(1)
		return event.Downlink{}, false
	case len(h.cfg.ApplicationIDs) > 0 && !slices.Contains(h.cfg.ApplicationIDs, from.Application):
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
	h.notice(d, e, now)
	if d.updating && d.queue.Last.Command {
		return event.Downlink{}, false // it is the turn of firmware
	}
	return h.command(d, now)
}

// Unsent notes that a downlink of Handle could not be published.
func (h *Handler) Unsent(dl event.Downlink, err error) {
	h.reject(Undeliverable, dl.Device, err)
	h.mu.Lock()
	defer h.mu.Unlock()
	if d := h.devices.find(dl.Device); d != nil {
		d.queue.Left(dl.ID)
	}
}

// reject counts an event or a downlink that failed, and logs it.
func (h *Handler) reject(why front.Reason, d event.Device, err error) {
	warn(h.stats.Reject(why), advice[why], d, err)
}

// warn logs a line about a device. A nil log means that no line is due.
func warn(log *slog.Logger, text string, d event.Device, err error) {
	if log != nil {
		log.Warn("lorawan: "+text, slog.String("device", d.Name),
			slog.String("devEUI", d.EUI.String()), slog.Any("error", err))
	}
}

// advice is what happened and what an operator should do, by reason.
var advice = map[front.Reason]string{
	front.Malformed:  "an event cannot be read; check server of the network, and the marshaler of the server",
	front.BadStatus:  "an uplink on the FPort of firmware holds no Status; look at the device",
	Encrypted:        "a payload is encrypted; let the network server hold the AppSKey",
	BadTag:           "a tag of the device cannot be used and the device gets no firmware; correct the tag",
	BadDataRate:      "an uplink came at an unknown data rate; check region of the network",
	Duplicate:        "an uplink came twice and was taken once",
	Replayed:         "an old uplink came again and was ignored",
	OtherOrigin:      "an event of another application was ignored",
	Undeliverable:    "a downlink could not be published; the device asks again for firmware, a command is lost",
	Overflow:         "events come too fast and some were dropped; share the devices among gateways (lorawan.shard)",
	front.BadCommand: "a command of the upstream cannot be sent and was dropped; correct the command",
	front.Untaken:    "telemetry is not taken; add an endpoint for its application to upstream.drogue",
}

// notice notes what an event says about the queue of a known device.
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
	event.ReasonOversize: "the network server refused a downlink as too long; shorter downlinks follow. " +
		"Check region, repeater, rx1_dr_offset and window of the network",
	event.ReasonGateway: "a radio gateway did not send a downlink; the device gets it, or a new one, later",
	event.ReasonExpired: "a downlink expired in the network server's queue. " +
		"If this happens at once, the clocks differ: synchronize gateway and network server",
}

// oversize learns from the refusal of size bytes. A limit of 0 means that the network
// server did not tell its limit.
func (h *Handler) oversize(d *device, size, limit int, now time.Time) {
	if limit == 0 || limit >= size {
		limit = h.radio.Below(size)
	}
	d.learn(limit, now)
}
