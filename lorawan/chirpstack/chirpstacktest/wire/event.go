package wire

import (
	"fmt"
	"strconv"
	"time"

	"havn/lorawan/event"
	"havn/lorawan/region"
)

// Encoding is a version of ChirpStack and the form of its events.
type Encoding string

// The encodings: the three marshalers of version 3, and version 4 with
// json = true.
const (
	JSONv3   Encoding = "json_v3"
	JSON     Encoding = "json"
	Protobuf Encoding = "protobuf"
	V4       Encoding = "v4"
)

// Encodings returns all of them.
func Encodings() []Encoding { return []Encoding{JSONv3, JSON, Protobuf, V4} }

// Application is the application of the events.
type Application struct {
	ID   string // as in topics: a number (v3) or a UUID (v4)
	Name string
}

// Device is the device that an event is about.
type Device struct {
	EUI    event.DevEUI
	Name   string
	ClassC bool
	Tags   map[string]string
	Region string
}

// Kind is the kind of an event.
type Kind string

// The kinds of events, as in topics. Version 4 calls an error "log".
const (
	Up    Kind = "up"
	Join  Kind = "join"
	Ack   Kind = "ack"
	TxAck Kind = "txack"
	Error Kind = "error"
)

// Event is an event of the server, in one shape for all encodings.
type Event struct {
	Kind   Kind
	Device Device
	At     time.Time

	DevAddr   [4]byte // Up, Join
	DR        int
	FCnt      uint32 // all but Join
	FPort     uint8  // Up
	Data      []byte
	Confirmed bool

	Item         event.DownlinkID // Ack, TxAck
	Acknowledged bool             // Ack
	Sent         Downlink         // TxAck

	Code, Text string // Error
	Context    map[string]string
}

// Downlink is how the radio gateway sent a downlink.
type Downlink struct {
	Window region.Window
	DR     int
}

// The radio parameters of every frame.
const (
	gatewayID   = "0016c001f1500812"
	rx1Hz       = 868_100_000
	rx2Hz       = 869_525_000
	rssi        = -57 // dBm
	snr         = 9.5 // dB
	txPower     = 14  // dBm
	codeRate    = "4/5"
	profileName = "class-a-or-c"
	profileID   = "b6a5f3f2-30a3-4a3c-8a1e-0a7d5b1d6f11"
	tenantID    = "52f14cd4-c6f1-4fbd-8f87-4025e1d49242"
	tenantName  = "havn"
)

// NewEncoder returns the function that writes the events of an application.
func NewEncoder(e Encoding, app Application) (func(*Event) ([]byte, error), error) {
	if e == V4 {
		return v4{app}.encode, nil
	}
	id, err := strconv.ParseUint(app.ID, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("application %q: version 3 wants a number", app.ID)
	}
	messages := v3{id: id, name: app.Name}
	switch e {
	case JSONv3:
		return jsonV3{app}.encode, nil
	case JSON:
		return messages.json, nil
	default:
		return messages.protobuf, nil
	}
}

// lora is a LoRa data rate.
type lora struct {
	spreadingFactor int
	kHz             int
}

// modulation returns what a data rate stands for: the numbering of US915,
// AU915, or of all others. FSK counts as LoRa here.
func modulation(name string, dr int) lora {
	american := name == "US915" || name == "AU915"
	switch {
	case american && dr >= 8:
		return lora{20 - dr, 500}
	case name == "US915" && dr == 4, name == "AU915" && dr == 6:
		return lora{8, 500}
	case name == "US915":
		return lora{10 - dr, 125}
	case name == "AU915", dr <= 5:
		return lora{12 - dr, 125}
	}
	return lora{7, 250}
}

// hertz and delay are what a downlink's window means.
func hertz(w region.Window) uint32 {
	if w == region.RX1 {
		return rx1Hz
	}
	return rx2Hz
}

func delay(f Downlink) time.Duration {
	if f.Window == region.RX2 {
		return 2 * time.Second
	}
	return time.Second
}
