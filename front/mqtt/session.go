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

// maxSpoken is how many devices one connection speaks for. When there are more, the device
// that was named first is forgotten, and its commands wait in the inbox.
const maxSpoken = 128

// session is the connection of a device. It is the net.Conn that the library reads and
// writes, so that each hook finds the session.
type session struct {
	net.Conn
	device   dfu.Device    // set at the CONNECT, then constant
	client   *mochi.Client // the same
	status   *dfu.Status   // to be answered after the PUBACK; for the reading goroutine alone
	asker    dfu.Device    // the device of the status; for the reading goroutine alone
	received time.Time     // when the status came; for the reading goroutine alone
	subIDs   bool          // the SUBSCRIBE under way has identifiers; for the reading goroutine alone
	wake     chan struct{} // a command may wait for one of the devices

	mu     sync.Mutex
	all    bool            // subscribed to the commands for the device and all of spoken
	named  map[string]bool // devices that filters name
	spoken []string        // devices that the connection spoke for, the first one first
}

func newSession(c net.Conn) *session {
	return &session{Conn: c, wake: make(chan struct{}, 1), named: map[string]bool{}}
}

// of returns the session of a client.
func of(cl *mochi.Client) *session { return cl.Net.Conn.(*session) }

// Write implements net.Conn. A device that does not read loses its connection after
// writeTimeout.
func (s *session) Write(p []byte) (int, error) {
	if err := s.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return s.Conn.Write(p)
}

// name returns the device of a name. An empty name stands for the device of the
// connection.
func (s *session) name(device string) dfu.Device {
	if device == "" {
		return s.device
	}
	return dfu.Device{Application: s.device.Application, Name: device}
}

// subscribe notes a filter. It returns false if there are too many filters.
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

// speaksFor notes that the connection published a message of a device. It returns the name
// of the device that is forgotten, empty if none is.
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

// devices returns the devices whose commands the connection takes.
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

// spokenFor returns all devices whose commands may be routed to the connection.
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

// topic returns the topic of a command for a device. It returns false if no filter is for
// the device.
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

// send publishes a command on the connection.
func (s *session) send(topic string, payload []byte) error {
	return s.client.WritePacket(packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish},
		TopicName:   topic, Payload: payload,
	})
}

// signal makes push look for commands.
func (s *session) signal() {
	select {
	case s.wake <- struct{}{}:
	default: // asked already
	}
}

// push sends the commands that wait for the devices of the connection, after each signal,
// until ctx ends.
func (s *session) push(ctx context.Context, f *Front) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
			for _, dev := range s.devices() {
				if f.routed(s, dev) {
					f.handler.handOut(s, dev)
				}
			}
		}
	}
}
