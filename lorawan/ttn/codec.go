package ttn

import (
	"encoding/json"
	"fmt"
	"slices"

	"havn/lorawan/event"
	"havn/lorawan/region"
	"havn/lorawan/topic"
)

// defaultTopic is the one topic layout of the stack. A bridge between brokers may change
// it.
const defaultTopic = "v3/{{application_id}}/devices/{{device_id}}/{{event}}"

// The events that are acted on, as in topics.
const (
	eventUp     = "up"
	eventJoin   = "join"
	eventSent   = "down/sent"
	eventAck    = "down/ack"
	eventNack   = "down/nack"
	eventFailed = "down/failed"
)

var acted = []string{eventUp, eventJoin, eventSent, eventAck, eventNack, eventFailed}

// The queue operations.
const (
	commandPush    = "down/push"
	commandReplace = "down/replace"
)

const priority = "NORMAL"

// Config is the topics, as templates with {{application_id}}, {{device_id}} and
// {{event}} or {{command}}. A template that is empty is the stack's own.
type Config struct {
	Events   string
	Commands string
}

// Codec translates the messages of one server. It is immutable, and safe for
// concurrent use.
type Codec struct {
	events, commands topic.Template
	region           *region.Region
}

// New returns the codec of a network in that region.
func New(c Config, r *region.Region) (*Codec, error) {
	if c.Events == "" {
		c.Events = defaultTopic
	}
	if c.Commands == "" {
		c.Commands = defaultTopic
	}
	events, err := topic.Parse(c.Events)
	if err != nil {
		return nil, err
	}
	commands, err := topic.Parse(c.Commands)
	if err != nil {
		return nil, err
	}
	return &Codec{events: events, commands: commands, region: r}, nil
}

// Filters returns the subscriptions for the events of some applications, which are named
// as APPLICATION@TENANT. Without applications they are for the application of the
// connection.
func (c *Codec) Filters(applications []string) []string {
	return c.events.Filters(applications, acted)
}

// Decode reads a message. It fails with topic.ErrTopic if the topic does not fit the
// template, with region.ErrDataRate if the region does not have the data rate of the
// uplink, and with event.ErrMalformed in all other cases.
func (c *Codec) Decode(name string, payload []byte) (event.Event, error) {
	v, err := c.events.Match(name)
	if err != nil {
		return nil, err
	}
	addressed := event.Device{Application: v.Application, Name: v.Device}
	if v.Event == "" { // the template has no event: it is a topic for uplinks alone
		v.Event = eventUp
	}
	if !slices.Contains(acted, v.Event) {
		return event.Other{Device: addressed, Kind: v.Event}, nil
	}
	var m message
	if err = json.Unmarshal(payload, &m); err == nil {
		err = m.address(addressed)
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", event.ErrMalformed, err)
		return nil, fmt.Errorf("%s event of device %s/%s: %w", v.Event, v.Application, v.Device, err)
	}
	event, err := m.event(v.Event, c.region)
	if err != nil {
		return nil, fmt.Errorf("%s event of device %s/%s: %w", v.Event, v.Application, v.Device, err)
	}
	return event, nil
}

// command is a queue operation.
type command struct {
	Downlinks []commandDownlink `json:"downlinks"`
}

type commandDownlink struct {
	FPort          uint8    `json:"f_port"`
	Payload        []byte   `json:"frm_payload"`
	Confirmed      bool     `json:"confirmed,omitempty"`
	Priority       string   `json:"priority"`
	CorrelationIDs []string `json:"correlation_ids"`
}

// Encode writes the message that appends d to the queue of the device, or replaces the
// queue if d.Replace is set. It fails with event.ErrDownlink or topic.ErrTopic.
func (c *Codec) Encode(d event.Downlink) (name string, payload []byte, err error) {
	if err := d.Validate(); err != nil {
		return "", nil, err
	}
	operation := commandPush
	if d.Replace {
		operation = commandReplace
	}
	name, err = c.commands.Build(topic.Values{
		Application: d.Device.Application, Device: d.Device.Name, Event: operation,
	})
	if err != nil {
		return "", nil, fmt.Errorf("downlink to device %s/%s: %w",
			d.Device.Application, d.Device.Name, err)
	}
	payload, err = json.Marshal(command{Downlinks: []commandDownlink{{
		FPort: d.FPort, Payload: d.Payload, Confirmed: d.Confirmed, Priority: priority,
		CorrelationIDs: []string{correlationPrefix + d.ID.String()},
	}}})
	return name, payload, err
}
