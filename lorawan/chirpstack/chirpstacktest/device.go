package chirpstacktest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"havn/lorawan/event"
	"havn/lorawan/region"
)

// Class is when a device listens.
type Class string

// The classes.
const (
	ClassA Class = "A" // after its uplinks; the default
	ClassC Class = "C" // always
)

// maxFOpts is the most MAC commands beside a payload, in bytes.
const maxFOpts = 15

// DeviceConfig is one device.
type DeviceConfig struct {
	EUI       event.DevEUI
	Name      string // default: the EUI
	Class     Class
	DR        int            // of its uplinks
	Radio     *region.Config // nil = the server's
	Tags      map[string]string
	Confirmed bool // its uplinks, each of which then has an answer

	// Interval is the least time from uplink to uplink. The first uplink comes at a
	// random time within Interval, so that the devices do not all send at once.
	Interval time.Duration
	UpLoss   float64 // probability, 0..1
	DownLoss float64
	FOpts    int // bytes of MAC commands that every downlink carries, 0..15
}

func (c DeviceConfig) check(dr func(int) bool) error {
	switch {
	case c.Class != ClassA && c.Class != ClassC:
		return fmt.Errorf("class %q: want A or C", c.Class)
	case c.FOpts < 0 || c.FOpts > maxFOpts:
		return fmt.Errorf("%d bytes of FOpts: want 0..%d", c.FOpts, maxFOpts)
	case c.UpLoss < 0 || c.UpLoss > 1 || c.DownLoss < 0 || c.DownLoss > 1:
		return fmt.Errorf("loss of %v up and %v down: want 0..1", c.UpLoss, c.DownLoss)
	case !dr(c.DR):
		return fmt.Errorf("the region has no uplinks at DR%d", c.DR)
	}
	return nil
}

// Device is a device of a Server. Its methods may be called concurrently; exchanges wait
// for each other.
type Device struct {
	server *Server
	eui    event.DevEUI
	name   string
	class  Class
	tags   map[string]string
	radio  radio
	turn   chan struct{} // 1 slot: an exchange is under way

	// The lock of the server guards the fields below.
	cfg    DeviceConfig
	rnd    *rand.Rand
	next   time.Time // earliest next uplink
	counts Counts
	session
	modem
}

// modem is the state of the device itself.
type modem struct {
	fCntUp   uint32
	expected uint32 // least frame counter of the next downlink
	ackDue   bool   // the last downlink was confirmed
	exchange uint64 // number of the last one
	answer   chan reception
}

// reception is the answer that a device heard after its uplink.
type reception struct {
	payload []byte
	ok      bool // there was a payload, though it may be empty
}

// Add adds a device to the server.
func (s *Server) Add(cfg DeviceConfig) (*Device, error) {
	if cfg.Class == "" {
		cfg.Class = ClassA
	}
	if cfg.Name == "" {
		cfg.Name = cfg.EUI.String()
	}
	d := &Device{
		server: s, eui: cfg.EUI, name: cfg.Name, class: cfg.Class, tags: cfg.Tags, radio: s.radio,
		cfg: cfg, turn: make(chan struct{}, 1),
		rnd: rand.New(rand.NewPCG(s.cfg.Seed, euiNumber(cfg.EUI))),
	}
	var err error
	if cfg.Radio != nil {
		d.radio, err = newRadio(*cfg.Radio)
	}
	if err = errors.Join(err, cfg.check(d.hasDR)); err != nil {
		return nil, fmt.Errorf("device %s: %w", cfg.EUI, err)
	}
	return d, s.add(d)
}

func euiNumber(e event.DevEUI) (n uint64) {
	for _, b := range e {
		n = n<<8 | uint64(b)
	}
	return n
}

func (s *Server) add(d *Device) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.devices[d.eui] != nil {
		return fmt.Errorf("device %s is there already", d.eui)
	}
	s.devices[d.eui] = d
	if d.class == ClassC {
		s.classC = append(s.classC, d)
	}
	if d.cfg.Interval > 0 {
		d.next = time.Now().Add(time.Duration(d.rnd.Int64N(int64(d.cfg.Interval))))
	}
	return nil
}

// hasDR reports whether uplinks at dr can have an answer.
func (d *Device) hasDR(dr int) bool {
	if d.radio.rx2 == nil {
		return true // the radio of the device is the error
	}
	_, err := d.radio.rx2.DownlinkDR(dr)
	return err == nil
}

// EUI returns the identifier of the device.
func (d *Device) EUI() event.DevEUI { return d.eui }

// Name returns the name of the device at the server.
func (d *Device) Name() string { return d.name }

// SetDR changes the data rate of the next uplinks.
func (d *Device) SetDR(dr int) error {
	if !d.hasDR(dr) {
		return fmt.Errorf("device %s: the region has no uplinks at DR%d", d.eui, dr)
	}
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	d.cfg.DR = dr
	return nil
}

// SetFOpts changes how many bytes of MAC commands each downlink carries.
func (d *Device) SetFOpts(n int) {
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	d.cfg.FOpts = min(max(n, 0), maxFOpts)
}

// Exchange sends an uplink, as soon as the interval allows, and listens. It returns the
// payload of the downlink; ok is false if the device heard no downlink. A device that
// never joined joins first. Exchange fails when ctx ends, and with ErrStopped.
func (d *Device) Exchange(
	ctx context.Context, fPort uint8, payload []byte,
) (downlink []byte, ok bool, err error) {
	if fPort == 0 || len(payload) > event.MaxPayload {
		return nil, false, fmt.Errorf("device %s: %d bytes on FPort %d are no uplink",
			d.eui, len(payload), fPort)
	}
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
	if err := d.prepare(ctx); err != nil {
		return nil, false, err
	}
	answer := d.transmit(fPort, payload)
	select {
	case r := <-answer:
		return r.payload, r.ok, nil
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	case <-d.server.done:
		return nil, false, fmt.Errorf("device %s: %w", d.eui, ErrStopped)
	}
}

// prepare waits until the device may send, and joins if the device never joined.
func (d *Device) prepare(ctx context.Context) error {
	d.server.mu.Lock()
	wait, joined := time.Until(d.next), d.joins > 0
	d.server.mu.Unlock()
	if !joined {
		if err := d.Join(ctx); err != nil {
			return err
		}
	}
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-d.server.done:
		return fmt.Errorf("device %s: %w", d.eui, ErrStopped)
	}
}

// Join gives the device a new session. The server drops the queue of the device.
func (d *Device) Join(ctx context.Context) error {
	joined := make(chan struct{})
	d.server.timeline.At(time.Now(), func() { d.server.join(d); close(joined) })
	select {
	case <-joined:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-d.server.done:
		return fmt.Errorf("device %s: %w", d.eui, ErrStopped)
	}
}

// transmit sends an uplink and returns the channel of its answer.
func (d *Device) transmit(fPort uint8, payload []byte) <-chan reception {
	s, now := d.server, time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	d.exchange++
	up := &uplink{
		device: d, exchange: d.exchange, sent: now, fPort: fPort, fCnt: d.fCntUp,
		dr: d.cfg.DR, payload: slices.Clone(payload), ack: d.ackDue,
	}
	d.fCntUp++
	d.ackDue = false
	d.next = now.Add(d.cfg.Interval)
	d.answer = make(chan reception, 1)
	lost := d.rnd.Float64() < d.cfg.UpLoss
	if !lost {
		s.timeline.At(now.Add(s.cfg.Timing.Event()), func() { s.hear(up) })
	}
	if lost || d.class == ClassC {
		s.closeWindow(up)
	}
	return d.answer
}

// finish ends an exchange by its number, if the exchange is still under way.
func (d *Device) finish(exchange uint64, r reception) {
	if d.exchange == exchange && d.answer != nil {
		d.answer <- r
		d.answer = nil
	}
}
