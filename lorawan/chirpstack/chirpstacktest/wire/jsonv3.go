package wire

import (
	"encoding/hex"
	"encoding/json"
)

// jsonV3 writes events as the marshaler json_v3.
type jsonV3 struct{ app Application }

type jsonV3Device struct {
	ApplicationID   string `json:"applicationID"`
	ApplicationName string `json:"applicationName"`
	DeviceName      string `json:"deviceName"`
	DevEUI          string `json:"devEUI"`
}

type jsonV3Profile struct {
	Name string `json:"deviceProfileName"`
	ID   string `json:"deviceProfileID"`
}

type jsonV3RX struct {
	GatewayID string    `json:"gatewayID"`
	UplinkID  string    `json:"uplinkID"`
	Name      string    `json:"name"`
	RSSI      int       `json:"rssi"`
	LoRaSNR   float64   `json:"loRaSNR"`
	Location  *struct{} `json:"location"`
}

type jsonV3TX struct {
	Frequency int `json:"frequency"`
	DR        int `json:"dr"`
}

type jsonV3Tags struct {
	Tags map[string]string `json:"tags,omitempty"`
}

type jsonV3Up struct {
	jsonV3Device
	jsonV3Profile
	RXInfo []jsonV3RX `json:"rxInfo"`
	TXInfo jsonV3TX   `json:"txInfo"`
	ADR    bool       `json:"adr"`
	FCnt   uint32     `json:"fCnt"`
	FPort  uint8      `json:"fPort"`
	Data   []byte     `json:"data"`
	jsonV3Tags
}

type jsonV3Join struct {
	jsonV3Device
	DevAddr string     `json:"devAddr"`
	RXInfo  []jsonV3RX `json:"rxInfo"`
	TXInfo  jsonV3TX   `json:"txInfo"`
	jsonV3Tags
}

type jsonV3Ack struct {
	jsonV3Device
	Acknowledged bool   `json:"acknowledged"`
	FCnt         uint32 `json:"fCnt"`
	jsonV3Tags
}

type jsonV3TxAck struct {
	jsonV3Device
	FCnt uint32 `json:"fCnt"`
	jsonV3Tags
}

type jsonV3Error struct {
	jsonV3Device
	Type  string `json:"type"`
	Error string `json:"error"`
	FCnt  uint32 `json:"fCnt,omitempty"`
	jsonV3Tags
}

func (j jsonV3) encode(e *Event) ([]byte, error) {
	device := jsonV3Device{
		ApplicationID: j.app.ID, ApplicationName: j.app.Name,
		DeviceName: e.Device.Name, DevEUI: e.Device.EUI.String(),
	}
	tags := jsonV3Tags{e.Device.Tags}
	rx := []jsonV3RX{{
		GatewayID: gatewayID, UplinkID: profileID, Name: "roof", RSSI: rssi, LoRaSNR: snr,
	}}
	tx := jsonV3TX{Frequency: rx1Hz, DR: e.DR}
	switch e.Kind {
	case Up:
		return json.Marshal(jsonV3Up{
			device, jsonV3Profile{profileName, profileID}, rx, tx, true, e.FCnt, e.FPort, e.Data, tags,
		})
	case Join:
		return json.Marshal(jsonV3Join{device, hex.EncodeToString(e.DevAddr[:]), rx, tx, tags})
	case Ack:
		return json.Marshal(jsonV3Ack{device, e.Acknowledged, e.FCnt, tags})
	case TxAck:
		return json.Marshal(jsonV3TxAck{device, e.FCnt, tags})
	case Error:
	}
	return json.Marshal(jsonV3Error{device, e.Code, e.Text, e.FCnt, tags})
}
