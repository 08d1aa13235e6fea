package load

import (
	"fmt"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/block"
	"havn/dfu"
)

// oldVersion is what the peers of a Write claim to run: never what is offered.
const oldVersion = "0"

// Write is the Transfer of the update protocol: each peer reports its offset
// and gets the next Write. Short of the Swap it starts over, as a device that
// lost its power: what a Swap leads to is not the matter here.
type Write struct {
	devices []request
	version []byte
	mtu     uint32
	body    []byte
}

// NewWrite returns the transfer of body, which is offered to the devices as
// version, in Writes of at most mtu bytes. Peer i is the device i modulo their
// number.
func NewWrite(devices []dfu.Device, version string, body []byte, mtu int) (*Write, error) {
	if len(body) == 0 || mtu < 1 {
		return nil, fmt.Errorf("%d bytes cannot be sent in writes of %d", len(body), mtu)
	}
	t := &Write{version: []byte(version), mtu: uint32(mtu), body: body}
	for _, d := range devices {
		encoded, err := newRequest(statusOptions(d))
		if err != nil {
			return nil, err
		}
		t.devices = append(t.devices, encoded)
	}
	return t, nil
}

// statusOptions are those of a Status that d sends to Drogue Cloud's endpoint.
func statusOptions(d dfu.Device) message.Options {
	format := block.AppendUint(nil, uint32(message.AppCBOR))
	return message.Options{
		{ID: message.URIPath, Value: []byte("v1")},
		{ID: message.URIPath, Value: []byte("dfu")},
		{ID: message.ContentFormat, Value: format},
		{ID: message.URIQuery, Value: []byte("application=" + d.Application)},
		{ID: message.URIQuery, Value: []byte("device=" + d.Name)},
	}
}

// AppendRequest implements Transfer.
func (t *Write) AppendRequest(b []byte, p *Peer) []byte {
	b[len(b)-headSize+1] = byte(codes.POST)
	b = append(b, t.devices[int(p.ID)%len(t.devices)].options...)
	st := dfu.Status{Version: old, MTU: t.mtu, CorrelationID: dfu.Some(uint32(p.mid))}
	if p.Offset > 0 {
		st.Updating = true
		st.Update = dfu.Progress{Version: t.version, Offset: p.Offset}
	}
	return st.Append(append(b, 0xff))
}

var old = []byte(oldVersion)

// Check implements Transfer.
func (t *Write) Check(p *Peer, datagram []byte) (int, error) {
	var r reply
	if err := r.parse(datagram); err != nil {
		return 0, err
	}
	if string(r.command) != "dfu" || r.format != int(message.AppCBOR) {
		return 0, wrong("option %d %q and Content-Format %d, want dfu and %d",
			optionCommand, r.command, r.format, message.AppCBOR)
	}
	cmd, err := dfu.ParseCommand(r.payload)
	if err != nil {
		return 0, wrong("%v", err)
	}
	if err := t.checkWrite(p, &cmd); err != nil {
		return 0, err
	}
	p.advance(len(cmd.Data), len(t.body))
	return len(cmd.Data), nil
}

func (t *Write) checkWrite(p *Peer, cmd *dfu.Command) error {
	left := t.body[p.Offset:]
	switch n := len(cmd.Data); {
	case cmd.Op != dfu.OpWrite:
		return wrong("%v at offset %d, want a write", cmd.Op, p.Offset)
	case string(cmd.Version) != string(t.version):
		return wrong("a write of version %q, want %q", cmd.Version, t.version)
	case cmd.CorrelationID != dfu.Some(uint32(p.mid)):
		return wrong("correlation ID %v, want %d", cmd.CorrelationID, p.mid)
	case cmd.Offset != p.Offset:
		return wrong("a write at offset %d, want %d", cmd.Offset, p.Offset)
	case n == 0 || n > int(t.mtu) || n > len(left):
		return wrong("a write of %d bytes, want 1 to %d", n, min(int(t.mtu), len(left)))
	}
	return sameBytes(cmd.Data, left[:len(cmd.Data)], p.Offset)
}
