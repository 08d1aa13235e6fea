package apps

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// Types of events.
const (
	DeviceEvent     = "io.drogue.event.v1"      // published by a device
	ConnectionEvent = "io.drogue.connection.v1" // a device connected or disconnected
	RegistryEvent   = "io.drogue.registry.v1"   // a device changed in the registry
)

// maxStream bounds the events kept of an application.
const maxStream = 1 << 16

// Event is one event on the stream of an application.
type Event struct {
	ID          string
	Type        string
	Subject     string // the channel
	Time        time.Time
	ContentType string
	DataSchema  string
	Application string
	Device      string // whose event it is
	Sender      string // who sent it: the device or its gateway
	Data        []byte
}

// completed returns e with an ID and the time.
func (e Event) completed() Event {
	e.ID, e.Time = newUUID(), time.Now().UTC()
	return e
}

// MarshalJSON writes the structured form of CloudEvents 1.0.
func (e Event) MarshalJSON() ([]byte, error) {
	m := map[string]any{
		"specversion": "1.0", "id": e.ID, "type": e.Type, "subject": e.Subject,
		"source": "drogue://" + e.Application + "/" + url.QueryEscape(e.Device),
		"time":   e.Time.Format(time.RFC3339Nano), "instance": "drogue",
		"application": e.Application, "device": e.Device, "sender": e.Sender,
		"partitionkey": e.Application + "/" + url.QueryEscape(e.Sender),
	}
	if e.ContentType != "" {
		m["datacontenttype"] = e.ContentType
	}
	if e.DataSchema != "" {
		m["dataschema"] = e.DataSchema
	}
	switch {
	case len(e.Data) == 0:
	case isJSON(e.ContentType) && json.Valid(e.Data):
		m["data"] = json.RawMessage(e.Data)
	case strings.HasPrefix(e.ContentType, "text/plain") && utf8.Valid(e.Data):
		m["data"] = string(e.Data)
	default:
		m["data_base64"] = base64.StdEncoding.EncodeToString(e.Data)
	}
	return json.Marshal(m)
}

// Poison reports whether an event cannot be read back from the stream.
func (e Event) Poison() bool {
	u, err := url.Parse(e.DataSchema)
	return e.DataSchema != "" && (err != nil || !u.IsAbs())
}

func isJSON(contentType string) bool {
	return strings.HasPrefix(contentType, "application/json") ||
		strings.HasPrefix(contentType, "text/json") || strings.HasSuffix(contentType, "+json")
}

// stream is the log of an application's events. Apps.mu guards it.
type stream struct {
	first  int // position of events[0]
	events []Event
	grown  chan struct{} // closed when an event is added
}

func newStream() stream { return stream{grown: make(chan struct{})} }

func (s *stream) add(e Event) {
	if len(s.events) == maxStream {
		s.events = append([]Event(nil), s.events[maxStream/2:]...)
		s.first += maxStream / 2
	}
	s.events = append(s.events, e)
	close(s.grown)
	s.grown = make(chan struct{})
}

func (s *stream) end() int { return s.first + len(s.events) }

// Events returns what a device published, or a gateway on its behalf, in the
// order in which it arrived.
func (c *Apps) Events(app, device string) (events []Event) {
	for _, e := range c.Stream(app) {
		if e.Device == device && e.Type == DeviceEvent {
			events = append(events, e)
		}
	}
	return events
}

// Stream returns all events of an application.
func (c *Apps) Stream(app string) []Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.apps[app]; a != nil {
		return append([]Event(nil), a.stream.events...)
	}
	return nil
}

// Add adds an event to the stream of its application. It reports whether there is
// such an application.
func (c *Apps) Add(e Event) (Event, bool) {
	e = e.completed()
	c.mu.Lock()
	defer c.mu.Unlock()
	app := c.apps[e.Application]
	if app != nil {
		app.stream.add(e)
	}
	return e, app != nil
}

// Publish adds an event of a device. It reports whether the event was accepted:
// JSON has to be JSON.
func (c *Apps) Publish(e Event) (Event, bool) {
	switch {
	case isJSON(e.ContentType):
		if !json.Valid(e.Data) {
			return e, false
		}
		e.ContentType = "application/json"
	case e.ContentType == "" && json.Valid(e.Data):
		e.ContentType = "application/json"
	case e.ContentType == "":
		e.ContentType = "application/octet-stream"
	}
	e.Type = DeviceEvent
	return c.Add(e)
}

// End returns the position after the last event of an application, false where
// there is no such application.
func (c *Apps) End(app string) (position int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.apps[app]
	if a == nil {
		return 0, false
	}
	return a.stream.end(), true
}

// Await returns the first event of an application at position or behind it, and
// where that is. It waits for one until done; false: there is none.
func (c *Apps) Await(done <-chan struct{}, app string, position int) (Event, int, bool) {
	for {
		c.mu.Lock()
		a := c.apps[app]
		if a == nil {
			c.mu.Unlock()
			return Event{}, 0, false
		}
		s := &a.stream
		position = max(position, s.first)
		if position < s.end() {
			e := s.events[position-s.first]
			c.mu.Unlock()
			return e, position, true
		}
		grown := s.grown
		c.mu.Unlock()
		select {
		case <-grown:
		case <-done:
			return Event{}, 0, false
		}
	}
}
