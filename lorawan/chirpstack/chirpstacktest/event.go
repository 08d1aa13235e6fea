package chirpstacktest

import (
	"fmt"
	"strconv"
	"time"

	"havn/lorawan"
	"havn/lorawan/region"
)

// The kinds of events, as in topics. Version 4 calls an error "log".
const (
	kindUp    = "up"
	kindJoin  = "join"
	kindAck   = "ack"
	kindTxAck = "txack"
	kindError = "error"
)

// event is what the server tells, whatever its encoding.
type event struct {
	kind   string
	device *Device
	at     time.Time
	leaves func(time.Time) // is called with mu held before it is published; may be nil

	devAddr   [4]byte // up, join
	dr        int
	fCnt      uint32 // all but join
	fPort     uint8  // up
	data      []byte
	confirmed bool

	item         lorawan.DownlinkID // ack, txack
	acknowledged bool               // ack
	sent         *frame             // txack

	code, text string // error
	context    map[string]string
}

// What the radio says of every frame.
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

// encoder returns the function that writes events.
func encoder(cfg Config) (func(*event) ([]byte, error), error) {
	if cfg.Encoding == V4 {
		return v4{cfg}.encode, nil
	}
	id, err := strconv.ParseUint(cfg.Application, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("application %q: version 3 wants a number", cfg.Application)
	}
	messages := v3{id: id, name: cfg.ApplicationName}
	switch cfg.Encoding {
	case JSONv3:
		return jsonV3{cfg}.encode, nil
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
func (r radio) modulation(dr int) lora {
	name := r.rx2.Name()
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

func delay(f *frame) time.Duration {
	if f.window == region.RX2 {
		return 2 * time.Second
	}
	return time.Second
}
