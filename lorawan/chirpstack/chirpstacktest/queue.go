package chirpstacktest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"havn/dfu"
	"havn/lorawan/chirpstack/chirpstacktest/wire"
	"havn/lorawan/event"
)

// The errors of the server's own API.
var (
	// ErrInvalid: status 400, code InvalidArgument.
	ErrInvalid = errors.New("fPort must be > 0")
	// ErrInternal: status 500, code Unknown or Internal.
	ErrInternal = errors.New("internal error")
)

// maxCommands is how many commands may be on their way to the queues.
const maxCommands = 1 << 16

// Item is an entry of a device's queue, as the server lists it.
type Item struct {
	FPort     uint8
	Data      []byte // must not be changed
	Confirmed bool
	FCnt      uint32
}

// command takes a message of the broker.
func (s *Server) command(topic string, payload []byte, arrival time.Time) {
	d, err := s.addressee(topic)
	if err != nil {
		s.cfg.Log.Warn("command refused", "topic", topic, "error", err)
		s.mu.Lock()
		s.stats.UnknownDevices++
		s.mu.Unlock()
		return
	}
	it, err := s.read(d, payload)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.measure(d, arrival)
	switch {
	case err != nil:
		d.counts.Refused++
		s.cfg.Log.Warn("command refused", "devEUI", d.eui, "error", err)
	case s.repeated(d, payload, arrival):
		d.counts.Duplicates++
	case s.onTheWay >= maxCommands:
		s.stats.CommandsLost++
	default:
		s.later(d, it, arrival)
	}
}

func (s *Server) addressee(topic string) (*Device, error) {
	level := strings.Split(topic, "/")
	if len(level) != 6 || level[1] != s.cfg.Application || level[5] != "down" {
		return nil, errors.New("not a downlink of this application")
	}
	eui, err := event.ParseDevEUI(level[3])
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.devices[eui] == nil {
		return nil, errors.New("no such device")
	}
	return s.devices[eui], nil
}

func (s *Server) read(d *Device, payload []byte) (*item, error) {
	c, id, err := wire.ParseCommand(s.cfg.Encoding, d.eui, payload)
	if err != nil {
		return nil, err
	}
	it := &item{id: id, fPort: c.FPort, data: c.Data, confirmed: c.Confirmed}
	if c.ExpiresAt != nil {
		it.expires = *c.ExpiresAt
	}
	return it, nil
}

// repeated reports whether version 3 drops a command as a repetition.
func (s *Server) repeated(d *Device, payload []byte, arrival time.Time) bool {
	if s.cfg.Encoding == wire.V4 {
		return false
	}
	for bytes, end := range d.locks {
		if !arrival.Before(end) {
			delete(d.locks, bytes)
		}
	}
	if _, locked := d.locks[string(payload)]; locked {
		return true
	}
	if d.locks == nil {
		d.locks = map[string]time.Time{}
	}
	d.locks[string(payload)] = arrival.Add(s.cfg.Timing.DuplicateLock)
	return false
}

// later queues an item after a random time, which scrambles the order of items.
func (s *Server) later(d *Device, it *item, arrival time.Time) {
	delay := s.cfg.Timing.EnqueueMin
	if spread := s.cfg.Timing.EnqueueMax - delay; spread > 0 {
		delay += time.Duration(s.rnd.Int64N(int64(spread)))
	}
	s.onTheWay++
	s.timeline.At(arrival.Add(delay), func() {
		s.onTheWay--
		if err := s.enqueue(d, it); err != nil {
			s.cfg.Log.Warn("command refused", "devEUI", d.eui, "error", err)
		}
	})
}

// enqueue appends to the queue, with mu held.
func (s *Server) enqueue(d *Device, it *item) error {
	fresh := !d.heard && s.cfg.Encoding != wire.V4 // the application server has no key for the session
	switch {
	case d.joins == 0:
		d.counts.Refused++
		return fmt.Errorf("%w: object does not exist", ErrInternal)
	case fresh && d.joins > 1:
		d.counts.OutOfSync++
		return fmt.Errorf("%w: device security-context out of sync", ErrInternal)
	case slices.ContainsFunc(d.queue, func(o *item) bool {
		return o.id == it.id && it.id != event.DownlinkID{}
	}):
		d.counts.Refused++
		return fmt.Errorf("%w: duplicate id %s", ErrInternal, it.id)
	}
	c, err := dfu.ParseCommand(it.data)
	it.isWrite = err == nil && c.Op == dfu.OpWrite
	if fresh {
		it.garbage, it.data = true, s.scramble(len(it.data))
	}
	s.append(d, it)
	return nil
}

func (s *Server) scramble(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.rnd.Uint32())
	}
	return b
}

func (s *Server) append(d *Device, it *item) {
	it.fCnt = d.fCntDown
	for _, other := range d.queue {
		it.fCnt = max(it.fCnt, other.fCnt+1)
	}
	if d.class == ClassC && d.waiting() == 0 {
		d.lockedTill = maxTime(d.lockedTill, time.Now().Add(s.cfg.Timing.ClassCLock))
	}
	if d.class == ClassA && d.heard && !d.windowOpen {
		d.counts.Late++
	}
	d.queue = append(d.queue, it)
	d.counts.WritesQueued = max(d.counts.WritesQueued, d.writes())
}

func maxTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// writes counts the Writes that can still be sent.
func (d *Device) writes() (n int) {
	for _, it := range d.queue {
		if it.isWrite && it.state == queued {
			n++
		}
	}
	return n
}

// Enqueue appends to the queue of a device, in order and at once, as the API of version 3
// does. It returns the frame counter, and fails with ErrInvalid or ErrInternal. A server
// of version 4 makes the same checks here.
func (s *Server) Enqueue(
	eui event.DevEUI, confirmed bool, fPort uint32, data []byte,
) (fCnt uint32, err error) {
	if fPort == 0 {
		return 0, ErrInvalid
	}
	if fPort > wire.MaxFPortV3 {
		return 0, fmt.Errorf("%w: fPort %d", ErrInternal, fPort)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.devices[eui]
	if d == nil {
		return 0, fmt.Errorf("%w: object does not exist", ErrInternal)
	}
	it := &item{fPort: uint8(fPort), data: slices.Clone(data), confirmed: confirmed}
	if s.cfg.Encoding == wire.V4 {
		it.id = event.NewDownlinkID()
	}
	if err := s.enqueue(d, it); err != nil {
		return 0, err
	}
	return it.fCnt, nil
}

// Flush empties the queue of a device. Between a downlink and its txack, Flush makes
// version 3 use the frame counter of the downlink again.
func (s *Server) Flush(eui event.DevEUI) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.devices[eui]; d != nil {
		d.counts.Flushed += len(d.queue)
		d.queue = nil
	}
}

// Queue lists a device's queue in the order of the frame counters.
func (s *Server) Queue(eui event.DevEUI) []Item {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.devices[eui]
	if d == nil {
		return nil
	}
	items := make([]Item, 0, len(d.queue))
	for _, it := range d.queue {
		items = append(items, Item{
			FPort: it.fPort, Data: it.data, Confirmed: it.confirmed, FCnt: it.fCnt,
		})
	}
	slices.SortStableFunc(items, func(a, b Item) int { return cmp.Compare(a.FCnt, b.FCnt) })
	return items
}
