package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/fxamacker/cbor/v2"

	"havn/dfu"
	"havn/firmware"
	"havn/status"
	"havn/upstream"
)

// errRecord: a record that no gateway wrote.
var errRecord = errors.New("not a record of this format")

// record is an event as it is stored. Its kind is in the ID. A key is never given
// another meaning.
type record struct {
	Application string  `cbor:"1,keyasint"`
	Device      string  `cbor:"2,keyasint"`
	Time        int64   `cbor:"3,keyasint"` // Unix milliseconds
	Current     string  `cbor:"4,keyasint,omitempty"`
	Target      string  `cbor:"5,keyasint,omitempty"`
	State       string  `cbor:"6,keyasint,omitempty"`
	Offset      uint32  `cbor:"7,keyasint,omitempty"`
	Size        uint32  `cbor:"8,keyasint,omitempty"`
	Progress    float64 `cbor:"9,keyasint,omitempty"`
	Protocol    string  `cbor:"10,keyasint,omitempty"`
	Error       string  `cbor:"11,keyasint,omitempty"`
	Channel     string  `cbor:"12,keyasint,omitempty"`
	ContentType string  `cbor:"13,keyasint,omitempty"`
	Payload     []byte  `cbor:"14,keyasint,omitempty"`

	Digest firmware.Digest `cbor:"15,keyasint,omitzero"`
	Order  string          `cbor:"16,keyasint,omitempty"`
}

// Names and texts are any bytes, so strings are stored as CBOR byte strings.
var (
	encode = must(cbor.EncOptions{
		String: cbor.StringToByteString, ShortestFloat: cbor.ShortestFloat16,
	}.EncMode())
	decode = must(cbor.DecOptions{
		ByteStringToString: cbor.ByteStringToStringAllowed,
		ExtraReturnErrors:  cbor.ExtraDecErrorUnknownField,
	}.DecMode())
)

func must[T any](mode T, err error) T {
	if err != nil {
		panic(err) // the options above are constant
	}
	return mode
}

// encodeEvent returns e as it is stored.
func encodeEvent(e *upstream.Event) ([]byte, error) {
	s := &e.Status
	return encode.Marshal(record{
		Application: e.Device.Application, Device: e.Device.Name, Time: e.Time.UnixMilli(),
		Current: s.Current, Target: s.Target, State: string(s.State), Offset: s.Offset, Size: s.Size,
		Progress: s.Progress, Protocol: s.Protocol, Error: s.Error,
		Channel: e.Channel, ContentType: e.ContentType, Payload: e.Payload,
		Digest: s.Digest, Order: s.Order,
	})
}

// decodeEvent returns the event stored under id. It fails with errRecord.
func decodeEvent(id uint64, data []byte) (upstream.Event, error) {
	var r record
	kind := kindOf(id)
	if err := decode.Unmarshal(data, &r); err != nil {
		return upstream.Event{}, fmt.Errorf("%w: %w", errRecord, err)
	}
	if !kind.Valid() || math.IsNaN(r.Progress) || math.IsInf(r.Progress, 0) {
		return upstream.Event{}, errRecord
	}
	e := upstream.Event{
		Kind:    kind,
		Device:  dfu.Device{Application: r.Application, Name: r.Device},
		Time:    time.UnixMilli(r.Time).UTC(),
		Channel: r.Channel, ContentType: r.ContentType, Payload: r.Payload,
	}
	if e.IsStatus() {
		e.Status = r.status(e.Device)
		if !e.Status.State.Valid() {
			return upstream.Event{}, fmt.Errorf("%w: state %q", errRecord, r.State)
		}
	}
	return e, nil
}

// status returns where the device stood. The time of contact and the time to go are
// not stored: they are of no use to an upstream that is told later.
func (r *record) status(device dfu.Device) status.Status {
	return status.Status{
		Device: device, Protocol: r.Protocol, State: status.State(r.State),
		Current: r.Current, Target: r.Target, Offset: r.Offset, Size: r.Size,
		Progress: r.Progress, Error: r.Error, Digest: r.Digest, Order: r.Order,
	}
}

// refusal is an event that was set aside, as it is stored.
type refusal struct {
	Line   string `cbor:"1,keyasint"`
	ID     uint64 `cbor:"2,keyasint"`
	Reason string `cbor:"3,keyasint"`
	Event  []byte `cbor:"4,keyasint"`
}

// kindBits is where an ID's place in the queue begins.
const kindBits = 8

func newID(place uint64, k upstream.Kind) uint64 { return place<<kindBits | uint64(k) }

func kindOf(id uint64) upstream.Kind { return upstream.Kind(id) }

func keyKind(key []byte) upstream.Kind { return kindOf(keyID(key)) }

// idSize is the length of an ID as a key: big endian, so that keys are in the
// order of the queue.
const idSize = 8

func idKey(id uint64) []byte { return binary.BigEndian.AppendUint64(nil, id) }

func keyID(key []byte) uint64 {
	if len(key) != idSize {
		return 0 // of no kind
	}
	return binary.BigEndian.Uint64(key)
}

// deviceKey is the key of a device: its application's length comes first, so
// that no two devices share one.
func deviceKey(d dfu.Device) []byte {
	key := binary.AppendUvarint(nil, uint64(len(d.Application)))
	return append(append(key, d.Application...), d.Name...)
}

// keyDevice returns the device of a key.
func keyDevice(key []byte) (d dfu.Device, ok bool) {
	length, n := binary.Uvarint(key)
	if n <= 0 || length > uint64(len(key)-n) {
		return d, false
	}
	name := key[n+int(length):]
	return dfu.Device{Application: string(key[n : len(key)-len(name)]), Name: string(name)}, true
}
