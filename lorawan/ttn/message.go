package ttn

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"havn/lorawan/event"
	"havn/lorawan/region"
)

// correlationPrefix marks the correlation IDs of this gateway: the stack adds its own.
const correlationPrefix = "havn:"

// message is an ApplicationUp. Exactly one of the fields from Uplink on is set.
type message struct {
	IDs struct {
		DeviceID     string `json:"device_id"`
		Applications struct {
			ID string `json:"application_id"`
		} `json:"application_ids"`
		DevEUI string `json:"dev_eui"` // upper case; some ABP devices have none
	} `json:"end_device_ids"`
	CorrelationIDs []string `json:"correlation_ids"`
	Simulated      bool     `json:"simulated"`

	Uplink *uplink   `json:"uplink_message"`
	Join   *struct{} `json:"join_accept"`
	Sent   *downlink `json:"downlink_sent"`
	Ack    *downlink `json:"downlink_ack"`
	Nack   *downlink `json:"downlink_nack"`
	Failed *struct {
		Downlink downlink `json:"downlink"`
		Error    *failure `json:"error"`
	} `json:"downlink_failed"`

	device event.Device
}

type uplink struct {
	FPort      uint8             `json:"f_port"`
	FCnt       uint32            `json:"f_cnt"`
	Payload    []byte            `json:"frm_payload"`
	Confirmed  bool              `json:"confirmed"`
	AppSKey    *struct{}         `json:"app_s_key"`  // present = the payload is encrypted with it
	Attributes map[string]string `json:"attributes"` // of the device
	Settings   struct {
		DataRate struct {
			LoRa struct {
				Bandwidth       int `json:"bandwidth"`
				SpreadingFactor int `json:"spreading_factor"`
			} `json:"lora"`
			FSK struct {
				BitRate int `json:"bit_rate"`
			} `json:"fsk"`
			LRFHSS struct {
				CodingRate   string `json:"coding_rate"`
				ChannelWidth int    `json:"operating_channel_width"`
			} `json:"lrfhss"`
		} `json:"data_rate"`
	} `json:"settings"`
}

type downlink struct {
	FCnt           uint32   `json:"f_cnt"`
	CorrelationIDs []string `json:"correlation_ids"`
}

// failure is an error of the stack with its causes.
type failure struct {
	Name       string         `json:"name"`
	Format     string         `json:"message_format"` // attributes stand in it as {name}
	Attributes map[string]any `json:"attributes"`
	Cause      *failure       `json:"cause"`
}

// address sets the device of the message to d, which the topic names, or reports how the
// payload contradicts the topic.
func (m *message) address(d event.Device) error {
	app, _, _ := strings.Cut(d.Application, "@") // the payload leaves the tenant out
	switch {
	case m.IDs.DeviceID != d.Name:
		return fmt.Errorf("the payload names another device, %q", m.IDs.DeviceID)
	case d.Application == "":
		d.Application = m.IDs.Applications.ID
	case m.IDs.Applications.ID != app:
		return fmt.Errorf("the payload names another application, %q", m.IDs.Applications.ID)
	}
	d.ApplicationName = m.IDs.Applications.ID
	var err error
	if m.IDs.DevEUI != "" {
		d.EUI, err = event.ParseDevEUI(m.IDs.DevEUI)
	}
	m.device = d
	return err
}

func (m *message) event(kind string, r *region.Region) (event.Event, error) {
	switch {
	case kind == eventUp && m.Uplink != nil:
		return m.uplink(r)
	case kind == eventJoin && m.Join != nil:
		return event.Joined{Device: m.device}, nil
	case kind == eventSent && m.Sent != nil:
		return event.TxAck{Device: m.device, ID: m.id(m.Sent), FCnt: m.Sent.FCnt}, nil
	case kind == eventAck && m.Ack != nil:
		return m.ack(m.Ack, true), nil
	case kind == eventNack && m.Nack != nil:
		return m.ack(m.Nack, false), nil
	case kind == eventFailed && m.Failed != nil:
		return m.failed(), nil
	}
	return nil, fmt.Errorf("%w: the payload holds no event of the kind that the topic names", event.ErrMalformed)
}

func (m *message) uplink(r *region.Region) (event.Event, error) {
	if m.Simulated {
		return event.Other{Device: m.device, Kind: "simulated uplink"}, nil
	}
	up := m.Uplink
	if len(up.Payload) > event.MaxPayload {
		return nil, fmt.Errorf("%w: %d bytes of payload are more than a frame holds",
			event.ErrMalformed, len(up.Payload))
	}
	dr, err := r.UplinkDR(up.dataRate())
	if err != nil {
		return nil, err
	}
	u := event.Uplink{
		Device: m.device, FPort: up.FPort, FCnt: up.FCnt, DR: dr,
		Confirmed: up.Confirmed, Payload: up.Payload,
	}
	u.Overrides, u.Refused = event.ParseOverrides(up.Attributes)
	if up.AppSKey != nil {
		u.Payload, u.Refused = nil, errors.Join(event.ErrEncrypted, u.Refused)
	}
	return u, nil
}

func (u *uplink) dataRate() region.DataRate {
	d := &u.Settings.DataRate
	return region.DataRate{
		SpreadingFactor: d.LoRa.SpreadingFactor, Bandwidth: d.LoRa.Bandwidth, BitRate: d.FSK.BitRate,
		CodingRate: d.LRFHSS.CodingRate, ChannelWidth: d.LRFHSS.ChannelWidth,
	}
}

func (m *message) ack(d *downlink, acknowledged bool) event.Ack {
	return event.Ack{Device: m.device, ID: m.id(d), FCnt: d.FCnt, Acknowledged: acknowledged}
}

// id returns the ID of a downlink: it is in the correlation IDs of the downlink or of the
// event. The ID is zero if the downlink is not from this gateway.
func (m *message) id(d *downlink) event.DownlinkID {
	for _, ids := range [][]string{d.CorrelationIDs, m.CorrelationIDs} {
		for _, s := range ids {
			s, ours := strings.CutPrefix(s, correlationPrefix)
			if id, ok := event.ParseDownlinkID(s); ours && ok {
				return id
			}
		}
	}
	return event.DownlinkID{}
}

// reasons maps the names of the stack's errors. The stack drops a downlink that failed.
var reasons = map[string]event.Reason{
	"application_downlink_too_long": event.ReasonOversize,
	"transmission":                  event.ReasonGateway,
	"downlink_expired":              event.ReasonExpired,
}

func (m *message) failed() event.Error {
	d := &m.Failed.Downlink
	ev := event.Error{Device: m.device, ID: m.id(d), FCnt: d.FCnt}
	for f := m.Failed.Error; f != nil; f = f.Cause {
		if reason := reasons[f.Name]; reason != event.ReasonOther || ev.Text == "" {
			ev.Reason, ev.Text = reason, f.String()
		}
		if ev.Reason == event.ReasonOversize {
			ev.MaxPayload = f.limit()
			break
		}
	}
	return ev
}

// limit returns the most bytes that the downlink might have had, 0 if not told.
func (f *failure) limit() int {
	most, _ := strconv.Atoi(fmt.Sprint(f.Attributes["max"])) // a number, or its text
	return min(max(most, 0), event.MaxPayload)
}

// String returns the text with its attributes filled in.
func (f *failure) String() string {
	text := f.Name + ": " + f.Format
	for name, value := range f.Attributes {
		text = strings.ReplaceAll(text, "{"+name+"}", fmt.Sprint(value))
	}
	return text
}
