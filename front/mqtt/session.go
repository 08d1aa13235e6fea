package mqtt

import (
	"context"
	"net"
	"sync"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"havn/dfu"
)

// maxSpoken is how many devices one connection speaks for. Beyond it, the one that
// was named first is forgotten: its commands wait in the inbox.
const maxSpoken = 128

// session is the connection of a device. It is the net.Conn that the library
// reads and writes, so that each hook finds it.
type session struct {
	net.Conn
	device   dfu.Device    // who it is; set when it is authenticated, then constant
	client   *mochi.Client // the same
	status   *dfu.Status   // to be answered after the PUBACK; of the reading goroutine alone
	asker    dfu.Device    // whose status it is; of the reading goroutine alone
	received time.Time     // when it came; of the reading goroutine alone
	subIDs   bool          // the SUBSCRIBE under way has identifiers; of the reading goroutine alone
	wake     chan struct{} // a command may wait for one of its devices

	mu     sync.Mutex
	all    bool            // subscribed to the commands of all its devices
	named  map[string]bool // devices that a filter of its own names
	spoken []string        // devices that it spoke for, the first first
}

func newSession(c net.Conn) *session {
	return &session{Conn: c, wake: make(chan struct{}, 1), named: map[string]bool{}}
}

// of returns the session of a client.
func of(cl *mochi.Client) *session { return cl.Net.Conn.(*session) }

// Write implements net.Conn. A device that does not read holds up nobody but itself,
// and not for long.
func (s *session) Write(p []byte) (int, error) {
	if err := s.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return s.Conn.Write(p)
}

// name returns the device of that name: its own, if it is empty.
func (s *session) name(device string) dfu.Device {
	if device == "" {
		return s.device
	}
	return dfu.Device{Application: s.device.Application, Name: device}
}

// subscribe notes a filter, and returns false where there are too many.
func (s *session) subscribe(device string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if device == "" {
		s.all = true
		return true
	}
	if !s.named[device] && len(s.named) >= maxSpoken {
		return false
	}
	s.named[device] = true
	return true
}

// unsubscribe forgets a filter.
func (s *session) unsubscribe(device string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if device == "" {
		s.all = false
		return
	}
	delete(s.named, device)
}

// speaksFor notes that it published as a device. It returns the name of the one that
// is forgotten for it, if any.
func (s *session) speaksFor(device string) (forgotten string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, known := range s.spoken {
		if known == device {
			return ""
		}
	}
	if len(s.spoken) >= maxSpoken {
		forgotten, s.spoken = s.spoken[0], s.spoken[1:]
	}
	s.spoken = append(s.spoken, device)
	return forgotten
}

// devices returns the devices whose commands it takes.
func (s *session) devices() (all []dfu.Device) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all {
		all = append(all, s.device)
		for _, name := range s.spoken {
			all = append(all, s.name(name))
		}
	}
	for name := range s.named {
		if !s.all || name != s.device.Name {
			all = append(all, s.name(name))
		}
	}
	return all
}

// spokenFor returns all devices whose commands may be routed to it.
func (s *session) spokenFor() []dfu.Device {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []dfu.Device{s.device}
	for _, name := range s.spoken {
		all = append(all, s.name(name))
	}
	for name := range s.named {
		all = append(all, s.name(name))
	}
	return all
}

// topic returns where a command for a device goes, and false where it is not
// subscribed to.
func (s *session) topic(dev dfu.Device, command string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.named[dev.Name]:
		return commandTopic(dev.Name, command), true
	case !s.all:
		return "", false
	case dev == s.device:
		return commandTopic("", command), true
	}
	return commandTopic(dev.Name, command), true
}

// send publishes a command to the device at the other end.
func (s *session) send(topic string, payload []byte) error {
	return s.client.WritePacket(packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish},
		TopicName:   topic, Payload: payload,
	})
}

// signal has the commands looked for that wait for its devices.
func (s *session) signal() {
	select {
	case s.wake <- struct{}{}:
	default: // asked already
	}
}

// push sends the commands that wait for its devices, whenever it is woken, until
// ctx ends.
func (s *session) push(ctx context.Context, h *handler) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
			for _, dev := range s.devices() {
				h.handOut(s, dev)
			}
		}
	}
}
