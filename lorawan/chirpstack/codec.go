package chirpstack

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"havn/lorawan/event"
	"havn/lorawan/topic"
)

// The topics that ChirpStack is shipped with. The placeholders of v3 have other names.
const (
	defaultEvents   = "application/{{application_id}}/device/{{dev_eui}}/event/{{event}}"
	defaultCommands = "application/{{application_id}}/device/{{dev_eui}}/command/{{command}}"
)

// The events that are acted on, as in topics.
const (
	eventUp    = "up"
	eventJoin  = "join"
	eventAck   = "ack"
	eventTxAck = "txack"
	eventError = "error" // v3
	eventLog   = "log"   // v4

	// eventRx is the name of eventUp before version 3.11.
	eventRx = "rx"

	commandDown = "down"
)

// Config is the topics of a server, as templates in the form that the configuration of
// the server has. A template that is empty is the one that ChirpStack is shipped with.
type Config struct {
	Events   string // event_topic_template (v3), event_topic (v4)
	Commands string // command_topic_template (v3), command_topic (v4)
}

// Codec translates the messages of one server. It is immutable, and safe for
// concurrent use.
type Codec struct {
	events, commands topic.Template
	acted            []string
	parse            func(event string, payload []byte) (message, error)
}

// NewV3 returns the codec of a ChirpStack v3 server.
func NewV3(c Config) (*Codec, error) {
	return newCodec(c, parseV3, eventUp, eventJoin, eventAck, eventTxAck, eventError)
}

// NewV4 returns the codec of a ChirpStack v4 server.
func NewV4(c Config) (*Codec, error) {
	return newCodec(c, parseV4, eventUp, eventJoin, eventAck, eventTxAck, eventLog)
}

func newCodec(
	c Config, parse func(string, []byte) (message, error), acted ...string,
) (*Codec, error) {
	if c.Events == "" {
		c.Events = defaultEvents
	}
	if c.Commands == "" {
		c.Commands = defaultCommands
	}
	events, err := topic.Parse(c.Events)
	if err != nil {
		return nil, err
	}
	commands, err := topic.Parse(c.Commands)
	if err != nil {
		return nil, err
	}
	return &Codec{events: events, commands: commands, acted: acted, parse: parse}, nil
}

// Filters returns the subscriptions for the events of some applications, which are named
// by their IDs. Without applications they are for all applications.
func (c *Codec) Filters(applications []string) []string {
	return c.events.Filters(applications, c.acted)
}

// Decode reads a message. It fails with topic.ErrTopic if the topic does not fit the
// template, and with event.ErrMalformed in all other cases.
func (c *Codec) Decode(name string, payload []byte) (event.Event, error) {
	v, err := c.events.Match(name)
	if err != nil {
		return nil, err
	}
	eui, err := event.ParseDevEUI(v.Device)
	if err != nil {
		return nil, fmt.Errorf("%w: %w: %w", event.ErrMalformed, topic.ErrTopic, err)
	}
	kind := v.Event
	if kind == "" || kind == eventRx { // "": the template has no event, it is a topic for uplinks alone
		kind = eventUp
	}
	addressed := event.Device{EUI: eui, Application: v.Application}
	if !slices.Contains(c.acted, kind) {
		return event.Other{Device: addressed, Kind: kind}, nil
	}
	m, err := c.parse(kind, payload)
	if err == nil {
		err = m.check(addressed)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s event of device %s: %w", event.ErrMalformed, kind, eui, err)
	}
	return m.event(kind), nil
}

// command is a downlink for both versions. v4 requires devEui, and knows id and expiresAt.
// v3 takes the device from the topic, and ignores fields that it does not know.
type command struct {
	ID        string     `json:"id"`
	DevEUI    string     `json:"devEui"`
	Confirmed bool       `json:"confirmed"`
	FPort     uint8      `json:"fPort"`
	Data      []byte     `json:"data"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
}

// Encode writes the command for a downlink. It fails with event.ErrDownlink or
// topic.ErrTopic.
func (c *Codec) Encode(d event.Downlink) (name string, payload []byte, err error) {
	if err := d.Validate(); err != nil {
		return "", nil, err
	}
	eui := d.Device.EUI.String()
	name, err = c.commands.Build(topic.Values{
		Application: d.Device.Application, Device: eui, Event: commandDown,
	})
	if err != nil {
		return "", nil, fmt.Errorf("downlink to device %s: %w", eui, err)
	}
	cmd := command{
		ID: d.ID.String(), DevEUI: eui, Confirmed: d.Confirmed, FPort: d.FPort, Data: d.Payload,
	}
	if !d.Expires.IsZero() {
		expires := d.Expires.UTC()
		cmd.ExpiresAt = &expires
	}
	payload, err = json.Marshal(cmd)
	return name, payload, err
}
