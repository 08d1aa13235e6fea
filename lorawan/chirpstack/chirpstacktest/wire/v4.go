package wire

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"havn/lorawan/region"
)

// v4 writes events as version 4 does with json = true: fields that are zero are absent.
type v4 struct{ app Application }

type v4Device struct {
	TenantID          string            `json:"tenantId"`
	TenantName        string            `json:"tenantName"`
	ApplicationID     string            `json:"applicationId"`
	ApplicationName   string            `json:"applicationName"`
	DeviceProfileID   string            `json:"deviceProfileId"`
	DeviceProfileName string            `json:"deviceProfileName"`
	DeviceName        string            `json:"deviceName"`
	DevEUI            string            `json:"devEui"`
	Class             string            `json:"deviceClassEnabled,omitempty"`
	Tags              map[string]string `json:"tags,omitempty"`
}

type v4Lora struct {
	Bandwidth       int    `json:"bandwidth"` // Hz
	SpreadingFactor int    `json:"spreadingFactor"`
	CodeRate        string `json:"codeRate"`
	Inverted        bool   `json:"polarizationInversion,omitempty"`
}

type v4Modulation struct {
	LoRa v4Lora `json:"lora"`
}

type v4RX struct {
	GatewayID string  `json:"gatewayId"`
	UplinkID  uint32  `json:"uplinkId,omitempty"`
	RSSI      int     `json:"rssi"`
	SNR       float64 `json:"snr"`
	CRCStatus string  `json:"crcStatus"`
}

type v4Timing struct {
	Delay       *v4Delay  `json:"delay,omitempty"`
	Immediately *struct{} `json:"immediately,omitempty"`
}

type v4Delay struct {
	Delay string `json:"delay"`
}

type v4TX struct {
	Frequency  int          `json:"frequency"`
	Power      int          `json:"power,omitempty"`
	Modulation v4Modulation `json:"modulation"`
	Timing     *v4Timing    `json:"timing,omitempty"`
}

// v4Event holds the fields of all events.
type v4Event struct {
	Deduplication string            `json:"deduplicationId,omitempty"`
	DownlinkID    uint32            `json:"downlinkId,omitempty"`
	Time          time.Time         `json:"time"`
	Device        v4Device          `json:"deviceInfo"`
	DevAddr       string            `json:"devAddr,omitempty"`
	ADR           bool              `json:"adr,omitempty"`
	DR            int               `json:"dr,omitempty"`
	FCnt          uint32            `json:"fCnt,omitempty"`
	FPort         uint8             `json:"fPort,omitempty"`
	Confirmed     bool              `json:"confirmed,omitempty"`
	Data          []byte            `json:"data,omitempty"`
	RXInfo        []v4RX            `json:"rxInfo,omitempty"`
	QueueItemID   string            `json:"queueItemId,omitempty"`
	Acknowledged  bool              `json:"acknowledged,omitempty"`
	FCntDown      uint32            `json:"fCntDown,omitempty"`
	GatewayID     string            `json:"gatewayId,omitempty"`
	TXInfo        *v4TX             `json:"txInfo,omitempty"`
	Region        string            `json:"regionConfigId,omitempty"`
	Level         string            `json:"level,omitempty"`
	Code          string            `json:"code,omitempty"`
	Description   string            `json:"description,omitempty"`
	Context       map[string]string `json:"context,omitempty"`
}

func (v v4) encode(e *Event) ([]byte, error) {
	out := v4Event{Time: e.At.UTC(), Device: v.device(e.Device)}
	switch e.Kind {
	case Up:
		v4Up(&out, e)
	case Join:
		out.Deduplication, out.Region = profileID, regionID(e.Device)
		out.DevAddr = hex.EncodeToString(e.DevAddr[:])
	case Ack:
		out.Deduplication = profileID
		out.QueueItemID, out.FCntDown, out.Acknowledged = e.Item.String(), e.FCnt, e.Acknowledged
	case TxAck:
		out.DownlinkID, out.QueueItemID, out.FCntDown = e.FCnt+1, e.Item.String(), e.FCnt
		out.GatewayID, out.TXInfo = gatewayID, v4Down(e)
	case Error:
		out.Level, out.Code, out.Description, out.Context = "ERROR", e.Code, e.Text, e.Context
	}
	return json.Marshal(out)
}

func v4Up(out *v4Event, e *Event) {
	out.Deduplication, out.Region = profileID, regionID(e.Device)
	out.DevAddr = hex.EncodeToString(e.DevAddr[:])
	out.ADR, out.DR, out.FCnt, out.FPort = true, e.DR, e.FCnt, e.FPort
	out.Confirmed, out.Data = e.Confirmed, e.Data
	out.RXInfo = []v4RX{{
		GatewayID: gatewayID, UplinkID: e.FCnt + 1, RSSI: rssi, SNR: snr, CRCStatus: "CRC_OK",
	}}
	out.TXInfo = &v4TX{Frequency: rx1Hz, Modulation: v4Modulate(e.Device, e.DR, false)}
}

func (v v4) device(d Device) v4Device {
	info := v4Device{
		TenantID: tenantID, TenantName: tenantName,
		ApplicationID: v.app.ID, ApplicationName: v.app.Name,
		DeviceProfileID: profileID, DeviceProfileName: profileName,
		DeviceName: d.Name, DevEUI: d.EUI.String(), Tags: d.Tags,
	}
	if d.ClassC {
		info.Class = "CLASS_C" // CLASS_A is zero
	}
	return info
}

// regionID returns the identifier that a region has in the configuration that ChirpStack
// is shipped with.
func regionID(d Device) string {
	return strings.ToLower(strings.ReplaceAll(d.Region, "-", "_"))
}

func v4Modulate(d Device, dr int, inverted bool) v4Modulation {
	m := modulation(d.Region, dr)
	return v4Modulation{v4Lora{
		Bandwidth: 1000 * m.kHz, SpreadingFactor: m.spreadingFactor,
		CodeRate: codeRate, Inverted: inverted,
	}}
}

func v4Down(e *Event) *v4TX {
	f := e.Sent
	timing := &v4Timing{Delay: &v4Delay{delay(f).String()}}
	if f.Window == region.ClassC {
		timing = &v4Timing{Immediately: &struct{}{}}
	}
	return &v4TX{
		Frequency: int(hertz(f.Window)), Power: txPower,
		Modulation: v4Modulate(e.Device, f.DR, true), Timing: timing,
	}
}
