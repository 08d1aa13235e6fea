package ttn

import (
	"encoding/json"
	"fmt"
	"slices"

	"havn/lorawan/event"
	"havn/lorawan/region"
	"havn/lorawan/topic"
)

// defaultTopic is the one topic layout of the stack; a bridge may add to it.
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
// {{event}} or {{command}}. What is empty is as the stack has it.
type Config struct {
	Events   string
	Commands string
}

// Codec translates the messages of one server. It is immutable and safe for
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

// Filters returns the subscriptions for the events that are acted on, of some
// applications as APPLICATION@TENANT; none means the one that the connection
// is for.
func (c *Codec) Filters(applications []string) []string {
	return c.events.Filters(applications, acted)
}

// Decode reads a message. Errors are topic.ErrTopic for a topic that is none
// of this server's, region.ErrDataRate for an uplink at a data rate that the
// region does not have, and event.ErrMalformed for all else.
func (c *Codec) Decode(name string, payload []byte) (event.Event, error) {
	v, err := c.events.Match(name)
	if err != nil {
		return nil, err
	}
	addressed := event.Device{Application: v.Application, Name: v.Device}
	if v.Event == "" { // a topic of its own for uplinks
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

// Encode writes a downlink: appended to the device's queue, or in its place
// when d.Replace is set. An error is event.ErrDownlink or topic.ErrTopic.
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
