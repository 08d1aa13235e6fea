package mqtt

import (
	"github.com/mochi-mqtt/server/v2/packets"

	"havn/dfu"
)

// enter makes c the connection of its device, and ends the connection before.
func (s *Front) enter(c *session) {
	s.mu.Lock()
	older := s.own[c.device]
	s.own[c.device] = c
	s.mu.Unlock()
	if older != nil {
		s.drop(older.client, packets.ErrSessionTakenOver)
	}
}

// route makes c the connection that takes the commands for a device, unless the device
// takes them itself. An empty name stands for the device of c.
func (s *Front) route(c *session, device string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dev := c.name(device)
	if own := s.own[dev]; own == nil || own == c || s.routes[dev] != own {
		s.routes[dev] = c
	}
}

// routed reports whether c takes the commands for a device.
func (s *Front) routed(c *session, dev dfu.Device) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.routes[dev] == c
}

// speaksFor notes that c published a message of a device.
func (s *Front) speaksFor(c *session, device string) {
	forgotten := c.speaksFor(device)
	s.route(c, device)
	if forgotten == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if dev := c.name(forgotten); s.routes[dev] == c {
		delete(s.routes, dev)
	}
}

// leave forgets an ended connection.
func (s *Front) leave(c *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own[c.device] == c {
		delete(s.own, c.device)
	}
	if c.client != nil {
		s.mqtt.Clients.Delete(c.client.ID) // the library forgets it where the CONNACK was not written
	}
	for _, dev := range c.spokenFor() {
		if s.routes[dev] == c {
			delete(s.routes, dev)
		}
	}
}

// Wake implements front.Waker: the connection that takes the commands for the device
// sends those that wait.
func (s *Front) Wake(dev dfu.Device) {
	s.mu.Lock()
	c := s.routes[dev]
	s.mu.Unlock()
	if c != nil {
		c.signal()
	}
}
