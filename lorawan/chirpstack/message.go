package chirpstack

import (
	"errors"
	"fmt"
	"strings"

	"havn/lorawan/event"
)

// message is the content of an event, in one shape for all encodings. Fields that the
// event does not have are zero.
type message struct {
	device event.Device
	tags   map[string]string

	dr        int // up
	fPort     uint8
	data      []byte
	confirmed bool
	encrypted bool
	region    string

	fCnt         uint32 // up, ack, txack, error
	id           event.DownlinkID
	acknowledged bool // ack

	spreadingFactor, bandwidth int // txack

	code, text string // error, log
	maxPayload int
}

// check reports how the message contradicts the topic, or what no message has.
func (m *message) check(addressed event.Device) error {
	d := &m.device
	switch {
	case d.EUI != addressed.EUI:
		return fmt.Errorf("the payload names another device, %s", d.EUI)
	case d.Application == "":
		d.Application = addressed.Application
	case addressed.Application != "" && d.Application != addressed.Application:
		return fmt.Errorf("the payload names another application, %s, than the topic, %s",
			d.Application, addressed.Application)
	}
	if len(m.data) > event.MaxPayload {
		return fmt.Errorf("%d bytes of data are more than a frame holds", len(m.data))
	}
	return nil
}

func (m *message) event(kind string) event.Event {
	switch kind {
	case eventUp:
		return m.uplink()
	case eventJoin:
		return event.Joined{Device: m.device}
	case eventAck:
		return event.Ack{Device: m.device, ID: m.id, FCnt: m.fCnt, Acknowledged: m.acknowledged}
	case eventTxAck:
		return event.TxAck{
			Device: m.device, ID: m.id, FCnt: m.fCnt,
			SpreadingFactor: m.spreadingFactor, Bandwidth: m.bandwidth,
		}
	}
	return m.failure()
}

func (m *message) uplink() event.Uplink {
	u := event.Uplink{
		Device: m.device, FPort: m.fPort, FCnt: m.fCnt, DR: m.dr,
		Confirmed: m.confirmed, Payload: m.data, Region: m.region,
	}
	u.Overrides, u.Refused = event.ParseOverrides(m.tags)
	if m.encrypted {
		u.Payload, u.Refused = nil, errors.Join(event.ErrEncrypted, u.Refused)
	}
	return u
}

// reasons maps the codes of both versions.
var reasons = map[string]event.Reason{
	"DOWNLINK_PAYLOAD_SIZE":  event.ReasonOversize,
	"DEVICE_QUEUE_ITEM_SIZE": event.ReasonOversize, // before v3
	"DOWNLINK_GATEWAY":       event.ReasonGateway,
	"EXPIRED":                event.ReasonExpired,
}

// failure returns the error event. ChirpStack keeps a downlink that no radio gateway has
// sent, and tries it again in the next window with the same frame counter.
func (m *message) failure() event.Error {
	reason := reasons[m.code]
	return event.Error{
		Device: m.device, Reason: reason, ID: m.id, FCnt: m.fCnt, MaxPayload: m.maxPayload,
		Queued: reason == event.ReasonGateway, Text: strings.TrimPrefix(m.code+": "+m.text, ": "),
	}
}
