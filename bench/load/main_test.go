package load

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
	"github.com/plgd-dev/go-coap/v3/udp/coder"
	"go.uber.org/goleak"

	"havn/coap/block"
	"havn/dfu"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func body(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(b)
	return b
}

// serve answers datagrams on loopback until the test ends. handle is called by
// one goroutine.
func serve(
	t *testing.T, handle func(message.Message, netip.AddrPort) []message.Message,
) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		buf := make([]byte, maxDatagram)
		for {
			n, peer, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			for _, reply := range handle(decode(t, buf[:n]), peer) {
				_, _ = conn.WriteToUDPAddrPort(encode(t, reply), peer)
			}
		}
	})
	t.Cleanup(func() { conn.Close(); done.Wait() })
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func decode(t testing.TB, datagram []byte) message.Message {
	t.Helper()
	m := message.Message{Options: make(message.Options, 0, 16)}
	if _, err := coder.DefaultCoder.Decode(datagram, &m); err != nil {
		t.Errorf("not CoAP: %x: %v", datagram, err)
	}
	return m
}

func encode(t testing.TB, m message.Message) []byte {
	t.Helper()
	b := make([]byte, maxDatagram)
	n, err := coder.DefaultCoder.Encode(m, b)
	if err != nil {
		t.Errorf("encode %+v: %v", m, err)
	}
	return b[:n]
}

// replyTo is an empty 2.05 to m.
func replyTo(m message.Message) message.Message {
	return message.Message{
		Type: message.Acknowledgement, Code: codes.Content, MessageID: m.MessageID, Token: m.Token,
	}
}

func with(m message.Message, id message.OptionID, value []byte) message.Message {
	m.Options = m.Options.Add(message.Option{ID: id, Value: value})
	return m
}

var etag = []byte("version1")

// blockReply is the right answer of a server that has image.
func blockReply(m message.Message, image []byte) message.Message {
	raw, _ := m.Options.GetBytes(message.Block2)
	v, _ := block.Parse(raw)
	rest := image[min(int(v.Offset()), len(image)):]
	v.M = len(rest) > v.SZX.Size()
	r := with(replyTo(m), message.ETag, etag)
	r = with(r, message.ContentFormat, []byte{byte(message.AppOctets)})
	r = with(r, message.Block2, v.Append(nil))
	r.Payload = rest[:min(len(rest), v.SZX.Size())]
	return r
}

// writeReply is the right answer of a server that offers image as 2.0.
func writeReply(t testing.TB, m message.Message, image []byte) message.Message {
	st, err := dfu.ParseStatus(m.Payload)
	if err != nil {
		t.Errorf("Status %x: %v", m.Payload, err)
	}
	cmd := dfu.Command{
		Op: dfu.OpWrite, Version: []byte("2.0"), CorrelationID: st.CorrelationID,
		Offset: st.Update.Offset,
	}
	rest := image[min(int(cmd.Offset), len(image)):]
	cmd.Data = rest[:min(len(rest), int(st.MTU))]
	r := with(replyTo(m), message.ContentFormat, []byte{byte(message.AppCBOR)})
	r = with(r, optionCommand, []byte("dfu"))
	r.Payload = cmd.Append(nil)
	return r
}

var fw = []Resource{{Path: []string{"fw", "bench", "d1"}}}

func newTestBlock(t testing.TB, image []byte, size int) *Block {
	t.Helper()
	b, err := NewBlock(fw, image, size)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newTestWrite(t testing.TB, image []byte, mtu int) *Write {
	t.Helper()
	w, err := NewWrite([]dfu.Device{{Application: "bench", Name: "d1"}}, "2.0", image, mtu)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// ask returns p's next request.
func ask(t testing.TB, tr Transfer, p *Peer) message.Message {
	t.Helper()
	return decode(t, tr.AppendRequest(p.appendHead(nil), p))
}
