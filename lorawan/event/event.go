package event

import (
	"errors"

	"havn/dfu"
)

// One sentinel per reaction of a caller.
var (
	// ErrMalformed: the message is not what the network server sends; drop it.
	ErrMalformed = errors.New("malformed network server message")
	// ErrEncrypted: the network server holds no key for the payload. The device is
	// not answered until the operator of the server changes that.
	ErrEncrypted = errors.New("payload is encrypted: the network server does not hold the AppSKey")
	// ErrTag: a tag of the device cannot be used. The device is not answered, as its
	// parameters would be a guess.
	ErrTag = errors.New("bad device tag")
	// ErrDownlink: the downlink cannot be sent as it is.
	ErrDownlink = errors.New("not a downlink")
)

// Event is a message of a network server about one device: [Uplink], [Joined],
// [Ack], [TxAck], [Error] or [Other]; or it is [Pending].
type Event interface {
	From() Device // whom the event is about
}

// Uplink is a data frame of a device.
type Uplink struct {
	Device
	FPort     uint8  // 0 = the frame held MAC commands only
	FCnt      uint32 // frame counter
	DR        int    // data rate of the uplink; the answer has another one
	Confirmed bool
	Payload   []byte // decrypted FRMPayload; nil if the server could not decrypt it
	Region    string // identifier of the region configuration; only ChirpStack v4 has one
	Overrides Overrides
	Refused   error // why the device must not be answered: ErrEncrypted or ErrTag, wrapped; else nil
}

// Joined tells that a device has a new session. Nothing may be sent to the device before
// its next uplink. ChirpStack drops the queue of the device; The Things Stack keeps the
// queue and encrypts it anew.
type Joined struct{ Device }

// Ack ends a confirmed downlink.
type Ack struct {
	Device
	ID           DownlinkID // zero where the server does not tell (ChirpStack v3)
	FCnt         uint32
	Acknowledged bool // by the device
}

// TxAck tells that a radio gateway has accepted a downlink. The device may not have
// received it.
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
	Queued     bool       // the downlink stays in the server's queue and is sent later
	Text       string     // what the server says, for the operator
}

// Reason is why a downlink was not sent.
type Reason uint8

// The reasons that the front acts on, and all others as one.
const (
	ReasonOther    Reason = iota // none of the reasons below; it is only counted
	ReasonOversize               // longer than the data rate allows; the server drops the downlink
	ReasonGateway                // no radio gateway sent it: too late, a collision, a full queue
	ReasonExpired                // waited longer than its Expires; the server drops the downlink
)

// String returns the name of the reason in logs and metrics.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "unknown"
}

// Reasons lists all reasons.
func Reasons() []Reason { return []Reason{ReasonOther, ReasonOversize, ReasonGateway, ReasonExpired} }

var reasonNames = [...]string{"other", "oversize", "gateway", "expired"}

// Other is an event that the front does not act on.
type Other struct {
	Device
	Kind string // as the server calls it, like "status"
}

// Pending tells that a command of the upstream waits for a device. It comes from
// the gateway, not from a network server.
type Pending struct{ Device }

// Overrides are the parameters that a device has of its own, from the tags of the
// device in the network server. A parameter that is zero is as in the configuration of
// the network.
type Overrides struct {
	RX1DROffset dfu.Optional // tag havn_rx1_dr_offset
	MaxPayload  int          // tag havn_max_payload: most bytes of a downlink
	Align       int          // tag havn_align: flash word, bytes
}
