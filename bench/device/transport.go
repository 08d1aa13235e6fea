package device

import (
	"context"
	"strings"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/block"
	"havn/dfu"
)

// MaxDatagram is the longest answer a device can rely on, in bytes (RFC 7252
// section 4.6: 1152 with options, 1024 of payload).
const MaxDatagram = 1152

// Answer is what came back for a Status.
type Answer struct {
	Command    []byte      // CBOR; valid until the next Exchange
	Violations []Violation // of the rules of the transport
}

// Transport carries a Status to the gateway and the Command back.
type Transport interface {
	// Exchange returns the answer to status, a CBOR Status. A *CodeError of a
	// client error ends the device; after any other error it asks again.
	Exchange(ctx context.Context, status []byte) (Answer, error)
}

// userEscapes are the characters that mean something in a user name.
var userEscapes = strings.NewReplacer("%", "%25", "@", "%40")

// User returns the name under which a device logs in: DEVICE@APPLICATION.
func User(d dfu.Device) string { return userEscapes.Replace(d.Name) + "@" + d.Application }

// CoAP is a gateway's CoAP front as one device uses it. It is the Transport
// of [New], and what [NewBlock] fetches from.
type CoAP struct {
	Client        *Client
	Device        dfu.Device // sent in the query and in paths
	Authorization string     // option 4209, e.g. "Basic ..."; empty = not sent
}

// Exchange implements Transport with a POST to /v1/dfu.
func (c *CoAP) Exchange(ctx context.Context, status []byte) (Answer, error) {
	resp, err := c.do(ctx, Request{
		Code:    codes.POST,
		Path:    []string{"v1", "dfu"},
		Query:   []string{"application=" + c.Device.Application, "device=" + c.Device.Name},
		Options: []message.Option{uintOption(message.ContentFormat, uint32(message.AppCBOR))},
		Payload: status,
	})
	if err != nil {
		return Answer{}, err
	}
	return Answer{Command: resp.Payload, Violations: marks(resp)}, nil
}

// do sends r with the device's authorization; any answer but 2.05 is a *CodeError.
func (c *CoAP) do(ctx context.Context, r Request) (Response, error) {
	if c.Authorization != "" {
		value := []byte(c.Authorization)
		r.Options = append(r.Options, message.Option{ID: OptionAuthorization, Value: value})
	}
	resp, err := c.Client.Do(ctx, r)
	if err != nil {
		return Response{}, err
	}
	return resp, resp.content()
}

// marks checks what Drogue Cloud's endpoint promises about a command.
func marks(resp Response) (found []Violation) {
	if name, ok := resp.Option(OptionCommand); !ok || string(name) != "dfu" {
		found = append(found, Broken(NotCommand, "option %d is %q, want dfu", OptionCommand, name))
	}
	if format, ok := resp.Uint(message.ContentFormat); !ok || format != uint32(message.AppCBOR) {
		found = append(found,
			Broken(NotCommand, "Content-Format %d, want %d", format, message.AppCBOR))
	}
	return append(found, oversize(resp)...)
}

func oversize(resp Response) []Violation {
	if resp.Size <= MaxDatagram {
		return nil
	}
	return []Violation{Broken(OverDatagram, "%d bytes, want at most %d", resp.Size, MaxDatagram)}
}

func uintOption(id message.OptionID, value uint32) message.Option {
	return message.Option{ID: id, Value: block.AppendUint(nil, value)}
}
