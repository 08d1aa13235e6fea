package device

import (
	"crypto/sha256"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
	"github.com/plgd-dev/go-coap/v3/udp/coder"
	"go.uber.org/goleak"

	"havn/coap/block"
	"havn/dfu"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Transmission parameters: fast ones for a link that loses, and calm ones that
// repeat nothing by accident on a busy machine.
var (
	fast = Transmission{AckTimeout: 15 * time.Millisecond, MaxRetransmit: 8}
	calm = Transmission{AckTimeout: 2 * time.Second}
)

// serve answers datagrams on loopback until the test ends. handle is called by
// one goroutine and returns the datagrams to send back.
func serve(t *testing.T, handle func(m message.Message) []message.Message) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, peer, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			m := message.Message{Options: make(message.Options, 0, 16)}
			if _, err := coder.DefaultCoder.Decode(buf[:n], &m); err != nil {
				t.Errorf("the client sent %x: %v", buf[:n], err)
				continue
			}
			for _, reply := range handle(m) {
				_, _ = conn.WriteToUDPAddrPort(encode(t, reply), peer)
			}
		}
	})
	t.Cleanup(func() { conn.Close(); done.Wait() })
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func encode(t *testing.T, m message.Message) []byte {
	t.Helper()
	buf := make([]byte, 4096)
	n, err := coder.DefaultCoder.Encode(m, buf)
	if err != nil {
		t.Errorf("encode %v: %v", m, err)
		return nil
	}
	return buf[:n]
}

// piggyback turns a handler of requests into one of messages.
func piggyback(handle func(m message.Message) Response) func(m message.Message) []message.Message {
	return func(m message.Message) []message.Message {
		if m.Type != message.Confirmable {
			return nil
		}
		r := handle(m)
		return []message.Message{{
			Type: message.Acknowledgement, MessageID: m.MessageID, Token: m.Token,
			Code: r.Code, Options: sorted(r.Options...), Payload: r.Payload,
		}}
	}
}

func sorted(options ...message.Option) (all message.Options) {
	for _, o := range options {
		all = all.Add(o)
	}
	return all
}

// origin is a gateway in small: it has one image for every device.
type origin struct {
	version string
	image   []byte
	szx     block.SZX // largest served
	align   uint32
}

func newOrigin(size int) *origin {
	image := make([]byte, size)
	for i := range image {
		image[i] = byte(rand.Uint32())
	}
	return &origin{version: "2.0", image: image, szx: block.MaxSZX, align: 4}
}

func (o *origin) handle(m message.Message) Response {
	path, _ := m.Options.Path()
	switch path {
	case "/v1/dfu":
		return o.command(m)
	case "/fw/app/dev/manifest":
		return Response{Code: codes.Content, Payload: o.manifest()}
	case "/fw/app/dev":
		return o.block(m)
	}
	return Response{Code: codes.NotFound}
}

func (o *origin) command(m message.Message) Response {
	st, err := dfu.ParseStatus(m.Payload)
	if err != nil {
		return Response{Code: codes.BadRequest, Payload: []byte(err.Error())}
	}
	return command(o.decide(st))
}

func command(c dfu.Command) Response {
	return Response{Code: codes.Content, Payload: c.Append(nil), Options: message.Options{
		uintOption(message.ContentFormat, uint32(message.AppCBOR)),
		{ID: OptionCommand, Value: []byte("dfu")},
	}}
}

func (o *origin) decide(st dfu.Status) dfu.Command {
	size, version := uint32(len(o.image)), []byte(o.version)
	if string(st.Version) == o.version {
		return dfu.Command{Op: dfu.OpSync, Version: version}
	}
	offset := st.Update.Offset
	if offset >= size {
		digest := sha256.Sum256(o.image)
		return dfu.Command{Op: dfu.OpSwap, Version: version, Checksum: digest[:]}
	}
	n := min(st.MTU, size-offset)
	if n > o.align {
		n -= n % o.align
	}
	data := o.image[offset : offset+n]
	return dfu.Command{Op: dfu.OpWrite, Version: version, Offset: offset, Data: data}
}

func (o *origin) manifest() []byte {
	digest := sha256.Sum256(o.image)
	mode, _ := cbor.CoreDetEncOptions().EncMode()
	b, _ := mode.Marshal(map[string]any{
		"version": []byte(o.version), "size": len(o.image), "digest": digest[:], "path": "/fw/app/dev",
	})
	return b
}

func (o *origin) block(m message.Message) Response {
	raw, err := m.Options.GetBytes(message.Block2)
	v, parseErr := block.Parse(raw)
	if err != nil || parseErr != nil {
		return Response{Code: codes.BadOption}
	}
	v = v.Within(o.szx)
	end := min(int(v.Offset())+v.SZX.Size(), len(o.image))
	v.M = end < len(o.image)
	digest := sha256.Sum256(o.image)
	return Response{Code: codes.Content, Payload: o.image[v.Offset():end], Options: message.Options{
		{ID: message.ETag, Value: digest[:8]},
		{ID: message.Block2, Value: v.Append(nil)},
		uintOption(message.Size2, uint32(len(o.image))),
	}}
}

// dial returns the CoAP front at address as device app/dev uses it.
func dial(t *testing.T, address netip.AddrPort, times Transmission) *CoAP {
	t.Helper()
	client, err := Dial(address.String(), times)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return &CoAP{Client: client, Device: dfu.Device{Application: "app", Name: "dev"}}
}

func kinds(found []Violation) (all []Kind) {
	for _, v := range found {
		all = append(all, v.Kind)
	}
	return all
}

func wantKinds(t *testing.T, found []Violation, want ...Kind) {
	t.Helper()
	if diff := cmp.Diff(want, kinds(found)); diff != "" {
		t.Errorf("violations (-want +got):\n%s%v", diff, found)
	}
}
