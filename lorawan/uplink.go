package lorawan

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"havn/dfu"
)

// One sentinel per reaction of a caller.
var (
	// ErrMalformed: the message is not what the network server sends; drop it.
	ErrMalformed = errors.New("malformed network server message")
	// ErrEncrypted: the network server has no key for the payload, so nothing
	// can be answered until its operator changes that.
	ErrEncrypted = errors.New("payload is encrypted: the network server does not hold the AppSKey")
	// ErrTag: a tag of the device cannot be used; serve no firmware on a guess.
	ErrTag = errors.New("bad device tag")
	// ErrDownlink: the downlink cannot be sent as it is.
	ErrDownlink = errors.New("not a downlink")
)

// MaxPayload is the most FRMPayload a frame can hold in any region: 255 bytes
// of PHYPayload less 13 of framing.
const MaxPayload = 242

// The application's FPorts (LoRaWAN 1.0.x section 4.3.2).
const (
	minFPort = 1
	maxFPort = 223
)

// DevEUI is the globally unique identifier of a device.
type DevEUI [8]byte

// ParseDevEUI reads 16 hex digits of either case.
func ParseDevEUI(s string) (DevEUI, error) {
	var e DevEUI
	if len(s) != 2*len(e) {
		return DevEUI{}, fmt.Errorf("DevEUI %q: want 16 hex digits", s)
	}
	if _, err := hex.Decode(e[:], []byte(s)); err != nil {
		return DevEUI{}, fmt.Errorf("DevEUI %q: want 16 hex digits", s)
	}
	return e, nil
}

// String returns the 16 hex digits in lower case, as ChirpStack writes them.
func (e DevEUI) String() string { return hex.EncodeToString(e[:]) }

// Device is who an event comes from and a downlink goes to. Every event holds
// all that a downlink needs.
type Device struct {
	EUI DevEUI // zero for a device of The Things Stack that has none

	// Application is the ID that topics have: a number (ChirpStack v3), a UUID
	// (v4), APPLICATION@TENANT (The Things Stack).
	Application     string
	ApplicationName string // as people call it; may be empty
	Name            string // as people call it; the device ID of The Things Stack
}

// From returns the device of an event.
func (d Device) From() Device { return d }

// Event is a message of a network server about one device: [Uplink], [Joined],
// [Ack], [TxAck], [Error] or [Other]; or [Pending].
type Event interface {
	From() Device
}

// Uplink is a data frame of a device.
type Uplink struct {
	Device
	FPort     uint8  // 0 = the frame held MAC commands only
	FCnt      uint32 // frame counter
	DR        int    // data rate of the uplink, which is not that of its answer
	Confirmed bool
	Payload   []byte // decrypted FRMPayload; nil when refused as encrypted
	Region    string // identifier of the region configuration; only ChirpStack v4 tells
	Overrides Overrides
	Refused   error // why the device must not be served: ErrEncrypted or ErrTag, wrapped; else nil
}

// Joined tells that a device has a new session: what was queued for it is gone.
// Nothing may be sent to it before its next uplink.
type Joined struct{ Device }

// Ack ends a confirmed downlink.
type Ack struct {
	Device
	ID           DownlinkID // zero where the server does not tell (ChirpStack v3)
	FCnt         uint32
	Acknowledged bool // by the device; else it is lost and not sent again
}

// TxAck tells that a radio gateway accepted a downlink. That is no sign of its
// arrival.
type TxAck struct {
	Device
	ID              DownlinkID // zero where the server does not tell (ChirpStack v3)
	FCnt            uint32
	SpreadingFactor int // of the downlink; 0 = not told, or not LoRa
	Bandwidth       int // Hz; 0 = not told, or not LoRa
}

// Error tells that a downlink was not sent, or that a frame was not understood.
type Error struct {
	Device
	Reason     Reason
	ID         DownlinkID // zero where the server does not tell
	FCnt       uint32     // 0 where the server does not tell
	MaxPayload int        // the limit that an oversized downlink broke; 0 = not told
	Queued     bool       // the downlink stays in the server's queue and goes out later
	Text       string     // of the server, for the operator
}

// Reason is what a front can do about an [Error].
type Reason uint8

// The reasons that matter here.
const (
	ReasonOther    Reason = iota // not about our downlinks; only worth a log line
	ReasonOversize               // larger than the data rate allows; the item is gone
	ReasonGateway                // no radio gateway sent it: too late, a collision, a full queue
	ReasonExpired                // waited longer than its Expires; the item is gone
)

// String returns the name of the reason in logs and metrics.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "unknown"
}

var reasonNames = [...]string{"other", "oversize", "gateway", "expired"}

// Other is an event that the front does not act on.
type Other struct {
	Device
	Kind string // as the server calls it, like "status"
}

// Pending tells that a command of the upstream waits for a device. It comes from
// the gateway, not from a network server.
type Pending struct{ Device }

// Overrides are the parameters that a device has of its own, from its tags in
// the network server. What is zero is as in the network's configuration.
type Overrides struct {
	RX1DROffset dfu.Optional // tag havn_rx1_dr_offset
	MaxPayload  int          // tag havn_max_payload: most bytes of a downlink
	Align       int          // tag havn_align: flash word, bytes
}

// DownlinkID names one downlink towards the network server, as a UUID.
type DownlinkID [16]byte

// NewDownlinkID returns a random one (RFC 9562 version 4).
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

// Downlink is a data frame to a device.
type Downlink struct {
	Device    Device
	ID        DownlinkID // tells this downlink from one with the same bytes
	FPort     uint8      // 1..223
	Payload   []byte     // 1..MaxPayload bytes
	Confirmed bool
	Expires   time.Time // ChirpStack v4 drops it when still queued then; zero = never
	Replace   bool      // drops what else is queued; only The Things Stack can, others append
}

// Validate reports what no network server would send.
func (d *Downlink) Validate() error {
	switch {
	case d.ID == DownlinkID{}:
		return fmt.Errorf("%w to device %s: it has no ID", ErrDownlink, d.Device.EUI)
	case d.FPort < minFPort || d.FPort > maxFPort:
		return fmt.Errorf("%w to device %s: FPort %d is not within %d..%d",
			ErrDownlink, d.Device.EUI, d.FPort, minFPort, maxFPort)
	case len(d.Payload) == 0 || len(d.Payload) > MaxPayload:
		return fmt.Errorf("%w to device %s: %d bytes of payload are not within 1..%d",
			ErrDownlink, d.Device.EUI, len(d.Payload), MaxPayload)
	}
	return nil
}
