package chirpstack

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/brocaar/chirpstack-api/go/v3/as/integration"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"

	"havn/lorawan/event"
)

// parseV3 reads an event of any marshaler. No protobuf event starts with a brace, which
// would be the start of a group.
func parseV3(event string, payload []byte) (message, error) {
	if len(payload) > 0 && payload[0] == '{' {
		return parseV3JSON(payload)
	}
	return parseV3Proto(event, payload)
}

// v3JSON holds the fields of all events in both JSON marshalers.
type v3JSON struct {
	ApplicationID   string            `json:"applicationID"`
	ApplicationName string            `json:"applicationName"`
	DeviceName      string            `json:"deviceName"`
	DevEUI          string            `json:"devEUI"`
	Tags            map[string]string `json:"tags"`

	DR        uint8  `json:"dr"` // json
	FCnt      uint32 `json:"fCnt"`
	FPort     uint8  `json:"fPort"`
	Data      []byte `json:"data"`
	Confirmed bool   `json:"confirmedUplink"` // json
	TxInfo    struct {
		DR   uint8 `json:"dr"` // json_v3
		LoRa struct {
			Bandwidth       int `json:"bandwidth"` // kHz
			SpreadingFactor int `json:"spreadingFactor"`
		} `json:"loRaModulationInfo"` // json
	} `json:"txInfo"`

	Acknowledged bool   `json:"acknowledged"`
	Type         string `json:"type"`
	Error        string `json:"error"`

	DeviceInfo json.RawMessage `json:"deviceInfo"` // v4
}

func parseV3JSON(payload []byte) (message, error) {
	var e v3JSON
	if err := json.Unmarshal(payload, &e); err != nil {
		return message{}, err
	}
	if e.DeviceInfo != nil {
		return message{}, errors.New("this is ChirpStack v4: set server: chirpstack-v4")
	}
	eui, hexadecimal, err := parseV3EUI(e.DevEUI)
	dr := e.DR
	if hexadecimal {
		dr = e.TxInfo.DR
	}
	return message{
		device: event.Device{
			EUI: eui, Application: e.ApplicationID, ApplicationName: e.ApplicationName, Name: e.DeviceName,
		},
		tags: e.Tags, dr: int(dr), fPort: e.FPort, data: e.Data, confirmed: e.Confirmed,
		fCnt: e.FCnt, acknowledged: e.Acknowledged,
		spreadingFactor: e.TxInfo.LoRa.SpreadingFactor, bandwidth: 1000 * e.TxInfo.LoRa.Bandwidth,
		code: e.Type, text: e.Error,
	}, err
}

// parseV3EUI reads both forms of a DevEUI. The form tells the marshaler.
func parseV3EUI(s string) (eui event.DevEUI, hexadecimal bool, err error) {
	if len(s) == 2*len(eui) {
		eui, err = event.ParseDevEUI(s)
		return eui, true, err
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) != len(eui) {
		return eui, false, fmt.Errorf("devEUI %q is neither hex nor base64 of 8 bytes", s)
	}
	return event.DevEUI(b), false, nil
}

// parseV3Proto reads the protobuf marshaler.
func parseV3Proto(event string, payload []byte) (message, error) {
	switch event {
	case eventUp:
		return parseV3Uplink(payload)
	case eventJoin:
		return parseV3Header(payload, new(integration.JoinEvent))
	case eventAck:
		e := new(integration.AckEvent)
		m, err := parseV3Header(payload, e)
		m.fCnt, m.acknowledged = e.GetFCnt(), e.GetAcknowledged()
		return m, err
	case eventTxAck:
		e := new(integration.TxAckEvent)
		m, err := parseV3Header(payload, e)
		lora := e.GetTxInfo().GetLoraModulationInfo()
		m.fCnt, m.spreadingFactor = e.GetFCnt(), int(lora.GetSpreadingFactor())
		m.bandwidth = 1000 * int(lora.GetBandwidth())
		return m, err
	case eventError:
		e := new(integration.ErrorEvent)
		m, err := parseV3Header(payload, e)
		m.fCnt, m.code, m.text = e.GetFCnt(), e.GetType().String(), e.GetError()
		return m, err
	}
	return message{}, fmt.Errorf("ChirpStack v3 has no %s event", event)
}

func parseV3Uplink(payload []byte) (message, error) {
	e := new(integration.UplinkEvent)
	m, err := parseV3Header(payload, e)
	if err == nil && (e.GetFPort() > 255 || e.GetDr() > 255) {
		err = fmt.Errorf("FPort %d or data rate %d is out of range", e.GetFPort(), e.GetDr())
	}
	m.dr, m.fCnt, m.fPort = int(e.GetDr()), e.GetFCnt(), uint8(e.GetFPort())
	m.data, m.confirmed = e.GetData(), e.GetConfirmedUplink()
	return m, err
}

// v3Event is the fields that all protobuf events have.
type v3Event interface {
	protoadapt.MessageV1
	GetApplicationId() uint64
	GetApplicationName() string
	GetDeviceName() string
	GetDevEui() []byte
	GetTags() map[string]string
}

// parseV3Header reads payload into e and returns the fields that all events have.
func parseV3Header(payload []byte, e v3Event) (message, error) {
	options := proto.UnmarshalOptions{DiscardUnknown: true}
	if err := options.Unmarshal(payload, protoadapt.MessageV2Of(e)); err != nil {
		return message{}, err
	}
	if len(e.GetDevEui()) != len(event.DevEUI{}) {
		return message{}, fmt.Errorf("dev_eui has %d bytes: is this protobuf of ChirpStack v3?",
			len(e.GetDevEui()))
	}
	return message{
		device: event.Device{
			EUI:             event.DevEUI(e.GetDevEui()),
			Application:     strconv.FormatUint(e.GetApplicationId(), 10),
			ApplicationName: e.GetApplicationName(),
			Name:            e.GetDeviceName(),
		},
		tags: e.GetTags(),
	}, nil
}
