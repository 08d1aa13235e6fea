package event

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"
)

// MaxPayload is the most FRMPayload a frame can hold in any region: 255 bytes
// of PHYPayload less 13 of framing.
const MaxPayload = 242

// The FPorts of applications (LoRaWAN 1.0.x section 4.3.2).
const (
	MinFPort = 1
	MaxFPort = 223
)

// DownlinkID names one downlink towards the network server, as a UUID.
type DownlinkID [16]byte

// NewDownlinkID returns a random ID (RFC 9562 version 4).
func NewDownlinkID() DownlinkID {
	var id DownlinkID
	rand.Read(id[:]) // never fails
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// ParseDownlinkID reads what String writes.
func ParseDownlinkID(s string) (DownlinkID, bool) {
	var id DownlinkID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return DownlinkID{}, false
	}
	b, err := hex.DecodeString(s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:])
	if err != nil {
		return DownlinkID{}, false
	}
	copy(id[:], b)
	return id, true
}

// String returns the 36 characters of a UUID.
func (id DownlinkID) String() string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// Downlink is a data frame for a device.
type Downlink struct {
	Device    Device
	ID        DownlinkID // tells this downlink from one with the same bytes
	FPort     uint8      // 1..223
	Payload   []byte     // 1..MaxPayload bytes
	Confirmed bool
	Expires   time.Time // until when the downlink may be queued; zero = for ever. Only ChirpStack v4 heeds it
	Replace   bool      // takes the place of the whole queue. Only The Things Stack heeds it; others append
}

// Validate reports why no network server would send d.
func (d *Downlink) Validate() error {
	switch {
	case d.ID == DownlinkID{}:
		return fmt.Errorf("%w to device %s: it has no ID", ErrDownlink, d.Device.EUI)
	case d.FPort < MinFPort || d.FPort > MaxFPort:
		return fmt.Errorf("%w to device %s: FPort %d is not within %d..%d",
			ErrDownlink, d.Device.EUI, d.FPort, MinFPort, MaxFPort)
	case len(d.Payload) == 0 || len(d.Payload) > MaxPayload:
		return fmt.Errorf("%w to device %s: %d bytes of payload are not within 1..%d",
			ErrDownlink, d.Device.EUI, len(d.Payload), MaxPayload)
	}
	return nil
}
