package chirpstacktest

import (
	"slices"
	"strconv"
	"time"

	"havn/lorawan/chirpstack/chirpstacktest/wire"
	"havn/lorawan/event"
	"havn/lorawan/region"
)

// itemState is the progress of an item. The item stays listed until it is done.
type itemState uint8

const (
	queued      itemState = iota
	sent                  // given to the radio gateway, which has not answered
	unconfirmed           // sent as confirmed; the next uplink of the device acknowledges it or not
)

// item is one entry of a device's queue.
type item struct {
	id        event.DownlinkID // v4
	fPort     uint8
	data      []byte
	confirmed bool
	expires   time.Time // v4; zero = never
	fCnt      uint32
	state     itemState
	isWrite   bool // a Write of the update protocol
	garbage   bool // encrypted with a key the device does not have
}

// frame is a downlink on its way.
type frame struct {
	device   *Device
	up       *uplink // that it answers; nil for class C at another time
	window   region.Window
	dr       int
	fCnt     uint32
	mac      int
	item     *item // nil: no payload
	fPending bool
	left     time.Time
}

func (d *Device) removeItem(i int) { d.queue = slices.Delete(d.queue, i, i+1) }

// compose takes the next item for a downlink of at most limit bytes. An item that would
// fit without MAC commands stays in the queue. drop gives up a confirmed item that the
// device has not acknowledged.
func (s *Server) compose(d *Device, limit int, drop bool) *frame {
	f := &frame{device: d, fCnt: d.fCntDown, mac: min(d.cfg.FOpts+d.macOnce, maxFOpts, limit)}
	it := s.next(d, limit, drop)
	switch {
	case it == nil:
	case len(it.data)+f.mac > limit:
		f.fPending = true
		d.counts.Starved++
	default:
		f.item = it
		f.fPending = d.waiting() > 1
	}
	return f
}

// waiting counts the items that can still be sent.
func (d *Device) waiting() (n int) {
	for _, it := range d.queue {
		if it.state == queued {
			n++
		}
	}
	return n
}

// next returns the first item that fits, and deletes the items before it.
func (s *Server) next(d *Device, limit int, drop bool) *item {
	for i := 0; i < len(d.queue); {
		it := d.queue[i]
		switch {
		case it.state == unconfirmed && !drop:
			return nil
		case it.state == unconfirmed:
			s.nack(d, it)
		case it.state == sent:
			i++
			continue
		case !it.expires.IsZero() && time.Now().After(it.expires):
			s.expired(d, it)
		case len(it.data) > limit:
			s.oversize(d, it, limit)
		default:
			return it
		}
		d.removeItem(i)
	}
	return nil
}

func (s *Server) nack(d *Device, it *item) {
	d.counts.Nacks++
	s.publish(d, wire.Event{Kind: wire.Ack, Item: it.id, FCnt: it.fCnt})
}

func (s *Server) expired(d *Device, it *item) {
	d.counts.Expired++
	s.publish(d, wire.Event{
		Kind: wire.Error, Code: "EXPIRED", FCnt: it.fCnt,
		Text:    "Device queue-item discarded because it has expired",
		Context: map[string]string{"queue_item_id": it.id.String()},
	})
}

func (s *Server) oversize(d *Device, it *item, limit int) {
	d.counts.Oversize++
	e := wire.Event{
		Kind: wire.Error, Code: "DOWNLINK_PAYLOAD_SIZE", FCnt: it.fCnt,
		Text: "payload exceeds max payload size",
	}
	if s.cfg.Encoding == wire.V4 {
		e.Text = "Device queue-item discarded because it exceeds the max. payload size"
		e.Context = map[string]string{
			"max_payload_size": strconv.Itoa(limit), "item_size": strconv.Itoa(len(it.data)),
			"queue_item_id": it.id.String(),
		}
	}
	s.publish(d, e)
}

// forward hands a downlink to the radio gateway.
func (s *Server) forward(f *frame) {
	d := f.device
	f.left = time.Now()
	if d.class == ClassC {
		d.lockedTill = f.left.Add(s.cfg.Timing.ClassCLock)
	}
	fault := s.cfg.Forwarder(d.eui)
	if fault == RX1Impossible {
		fault = ""
		if f.window == region.RX1 {
			s.fallBack(f)
		}
	}
	if f.item != nil {
		f.item.state, f.item.fCnt = sent, f.fCnt
		s.timeline.At(f.left.Add(s.cfg.Timing.TxAck), func() { s.settle(f, fault) })
	}
	if fault != "" {
		s.record(f, Outcome(fault))
		s.missed(f)
		return
	}
	d.macOnce = 0
	if f.item == nil {
		d.fCntDown++
	} else if f.up != nil {
		d.counts.Used++
	}
	s.timeline.At(s.airtime(f), func() { s.deliver(f) })
}

// fallBack moves a downlink to RX2. An item that does not fit RX2 stays in the queue, and
// an empty frame is sent.
func (s *Server) fallBack(f *frame) {
	var limit int
	f.window = region.RX2
	f.dr, limit = f.device.radio.limit(region.RX2, f.up.dr)
	if f.item != nil && len(f.item.data)+f.mac > limit {
		f.item, f.fPending = nil, true
	}
}

// settle takes the answer of the radio gateway.
func (s *Server) settle(f *frame, fault Fault) {
	d, it := f.device, f.item
	if fault != "" {
		it.state = queued
		d.counts.GatewayError++
		s.publish(d, wire.Event{
			Kind: wire.Error, Code: "DOWNLINK_GATEWAY", Text: string(fault), FCnt: it.fCnt,
			Context: map[string]string{"queue_item_id": it.id.String()},
		})
		return
	}
	i := slices.Index(d.queue, it)
	if i >= 0 || s.cfg.Encoding == wire.V4 {
		d.fCntDown = f.fCnt + 1 // v3 forgets this for an item that was flushed
	}
	switch {
	case i < 0:
	case it.confirmed:
		it.state = unconfirmed
	default:
		d.removeItem(i)
	}
	s.publish(d, wire.Event{Kind: wire.TxAck, Item: it.id, FCnt: f.fCnt, Sent: wire.Downlink{Window: f.window, DR: f.dr}})
}

// airtime returns when the device hears f.
func (s *Server) airtime(f *frame) time.Time {
	if f.up == nil {
		return f.left
	}
	at := f.up.sent.Add(s.cfg.Timing.RX1Delay)
	if f.window == region.RX2 {
		at = at.Add(s.cfg.Timing.RX2Gap)
	}
	if at.Before(f.left) {
		return f.left
	}
	return at
}

// missed ends the exchange of a downlink that the device does not hear.
func (s *Server) missed(f *frame) {
	if f.up != nil {
		s.silent(f.up)
	}
}

// deliver gives a downlink to the device.
func (s *Server) deliver(f *frame) {
	d := f.device
	deaf := f.up != nil && d.class == ClassA && d.exchange != f.up.exchange
	if lost := d.rnd.Float64() < d.cfg.DownLoss; lost || deaf {
		s.record(f, Lost)
		s.missed(f)
		return
	}
	if f.fCnt < d.expected {
		d.counts.Rejected++
		s.record(f, Rejected)
		s.missed(f)
		return
	}
	d.expected = f.fCnt + 1
	s.record(f, Delivered)
	d.hear(f)
}

func (d *Device) hear(f *frame) {
	if f.item == nil {
		if d.class == ClassA {
			d.finish(d.exchange, reception{})
		}
		return
	}
	d.ackDue = f.item.confirmed
	if f.item.garbage {
		d.counts.Garbage++
	}
	if d.answer == nil {
		d.counts.Unheard++
	}
	d.finish(d.exchange, reception{payload: f.item.data, ok: true})
}

// scheduleClassC sends the items that wait for class C devices, and schedules itself
// again.
func (s *Server) scheduleClassC() {
	now := time.Now()
	for _, d := range s.classC {
		if d.heard && d.waiting() > 0 && !now.Before(d.lockedTill) {
			s.sendClassC(d)
		}
	}
	s.timeline.At(now.Add(s.cfg.Timing.ClassCInterval), s.scheduleClassC)
}

func (s *Server) sendClassC(d *Device) {
	dr, limit := d.radio.limit(region.ClassC, d.cfg.DR)
	f := s.compose(d, limit, false)
	if f.item == nil && f.mac == 0 {
		return
	}
	f.window, f.dr = region.ClassC, dr
	s.forward(f)
}
