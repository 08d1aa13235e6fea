package chirpstacktest

import (
	"encoding/binary"
	"time"

	"havn/lorawan/chirpstack/chirpstacktest/wire"
)

// session is the session of a device at the server, with its queue.
type session struct {
	joins    int
	heard    bool // an uplink since the last join
	devAddr  [4]byte
	fCntDown uint32 // of the next downlink
	queue    []*item
	macOnce  int // bytes of MAC commands that wait for the next downlink

	windowOpen bool      // an item could still answer the last uplink
	eventAt    time.Time // when the last uplink's event left; zero once it is answered
	lockedTill time.Time // class C
	locks      map[string]time.Time
}

// uplink is a data frame on its way up.
type uplink struct {
	device   *Device
	exchange uint64
	sent     time.Time
	fPort    uint8
	fCnt     uint32
	dr       int
	payload  []byte
	ack      bool // of the last confirmed downlink
}

// txParamSetup is the length of a TXParamSetupReq, with which the server tells
// a device of its dwell time.
const txParamSetup = 2

// join starts a session. mu is held, as in every moment of the timeline.
func (s *Server) join(d *Device) {
	d.counts.Flushed += len(d.queue)
	d.session = session{joins: d.joins + 1, locks: d.locks}
	binary.BigEndian.PutUint32(d.devAddr[:], s.rnd.Uint32())
	d.fCntUp, d.expected, d.ackDue = 0, 0, false
	if d.dwells() {
		d.macOnce = txParamSetup
	}
	if s.cfg.Encoding == wire.V4 { // v3 tells with the first uplink
		s.publish(d, wire.Event{Kind: wire.Join, DevAddr: d.devAddr, DR: d.cfg.DR})
	}
}

func (d *Device) dwells() bool {
	if d.cfg.Radio != nil {
		return d.cfg.Radio.DownlinkDwellTime
	}
	return d.server.cfg.Radio.DownlinkDwellTime
}

// hear publishes an uplink. The wait for the answer begins when the event leaves.
func (s *Server) hear(up *uplink) {
	d := up.device
	d.counts.Uplinks++
	if !d.heard && s.cfg.Encoding != wire.V4 {
		s.publish(d, wire.Event{Kind: wire.Join, DevAddr: d.devAddr, DR: up.dr})
	}
	d.heard = true
	s.publish(d, wire.Event{
		Kind: wire.Up, DevAddr: d.devAddr, DR: up.dr,
		FCnt: up.fCnt, FPort: up.fPort, Data: up.payload, Confirmed: d.cfg.Confirmed,
	}).leaves = func(now time.Time) {
		d.eventAt, d.windowOpen = now, true
		s.timeline.At(now.Add(s.cfg.Timing.DownlinkWait), func() { s.respond(up) })
	}
	if up.ack {
		s.acknowledged(d)
	}
}

// acknowledged removes the item that the device has confirmed.
func (s *Server) acknowledged(d *Device) {
	for i, it := range d.queue {
		if it.state == unconfirmed {
			s.publish(d, wire.Event{
				Kind: wire.Ack, Item: it.id, FCnt: it.fCnt, Acknowledged: true,
			})
			d.removeItem(i)
			return
		}
	}
}

// respond uses the window of an uplink.
func (s *Server) respond(up *uplink) {
	d := up.device
	d.windowOpen = false
	window := d.radio.first
	dr, limit := d.radio.limit(window, up.dr)
	f := s.compose(d, limit, true)
	if f.item == nil && f.mac == 0 && !d.cfg.Confirmed {
		s.silent(up)
		return
	}
	f.up, f.window, f.dr = up, window, dr
	s.forward(f)
}

// silent ends an uplink's exchange without a downlink.
func (s *Server) silent(up *uplink) {
	if up.device.class == ClassA {
		s.closeWindow(up)
	}
}

// closeWindow ends the exchange of an uplink when the device stops listening.
func (s *Server) closeWindow(up *uplink) {
	s.timeline.At(up.sent.Add(s.cfg.Timing.Close(up.device.class == ClassC)), func() {
		up.device.finish(up.exchange, reception{})
	})
}

// publish hands an event of a device to the broker's connection.
func (s *Server) publish(d *Device, told wire.Event) *telling {
	told.At, told.Device = time.Now(), wire.Device{
		EUI: d.eui, Name: d.name, ClassC: d.class == ClassC, Tags: d.tags, Region: d.radio.rx2.Name(),
	}
	e := &telling{Event: told}
	s.out = append(s.out, e)
	return e
}
