package chirpstack

import (
	"encoding/json"
	"errors"
	"strconv"

	"havn/lorawan/event"
)

// v4JSON holds the fields of all events. Fields that are zero are absent.
type v4JSON struct {
	DeviceInfo *struct {
		ApplicationID   string            `json:"applicationId"`
		ApplicationName string            `json:"applicationName"`
		DeviceName      string            `json:"deviceName"`
		DevEUI          string            `json:"devEui"`
		Tags            map[string]string `json:"tags"`
	} `json:"deviceInfo"`

	DR         uint8     `json:"dr"`
	FCnt       uint32    `json:"fCnt"`
	FPort      uint8     `json:"fPort"`
	Confirmed  bool      `json:"confirmed"`
	Data       []byte    `json:"data"`
	Region     string    `json:"regionConfigId"`
	JoinServer *struct{} `json:"joinServerContext"` // present = only the join server has the AppSKey

	QueueItemID  string `json:"queueItemId"`
	FCntDown     uint32 `json:"fCntDown"`
	Acknowledged bool   `json:"acknowledged"`
	TxInfo       struct {
		Modulation struct {
			LoRa struct {
				Bandwidth       int `json:"bandwidth"` // Hz
				SpreadingFactor int `json:"spreadingFactor"`
			} `json:"lora"`
		} `json:"modulation"`
	} `json:"txInfo"`

	Code        string `json:"code"`
	Description string `json:"description"`
	Context     struct {
		MaxPayloadSize string `json:"max_payload_size"`
		QueueItemID    string `json:"queue_item_id"`
	} `json:"context"`
}

func parseV4(kind string, payload []byte) (message, error) {
	if len(payload) == 0 || payload[0] != '{' {
		return message{}, errors.New(
			"this is no JSON: set json=true under [integration.mqtt] of ChirpStack v4")
	}
	var e v4JSON
	if err := json.Unmarshal(payload, &e); err != nil {
		return message{}, err
	}
	if e.DeviceInfo == nil {
		return message{}, errors.New("no deviceInfo: if this is ChirpStack v3, set server: chirpstack-v3")
	}
	eui, err := event.ParseDevEUI(e.DeviceInfo.DevEUI)
	if err != nil {
		return message{}, err
	}
	m := e.message()
	m.device = event.Device{
		EUI: eui, Application: e.DeviceInfo.ApplicationID,
		ApplicationName: e.DeviceInfo.ApplicationName, Name: e.DeviceInfo.DeviceName,
	}
	if kind != eventUp {
		m.fCnt = e.FCntDown
	}
	return m, nil
}

func (e *v4JSON) message() message {
	lora := e.TxInfo.Modulation.LoRa
	m := message{
		tags: e.DeviceInfo.Tags,
		dr:   int(e.DR), fCnt: e.FCnt, fPort: e.FPort, data: e.Data, confirmed: e.Confirmed,
		encrypted: e.JoinServer != nil, region: e.Region,
		acknowledged: e.Acknowledged, spreadingFactor: lora.SpreadingFactor, bandwidth: lora.Bandwidth,
		code: e.Code, text: e.Description,
	}
	item := e.QueueItemID
	if item == "" {
		item = e.Context.QueueItemID
	}
	m.id, _ = event.ParseDownlinkID(item) // an ID of another form is not from this gateway
	if size, err := strconv.ParseUint(e.Context.MaxPayloadSize, 10, 8); err == nil {
		m.maxPayload = int(size)
	}
	return m
}
