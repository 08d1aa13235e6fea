package drogue

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"sync/atomic"
	"testing"

	"github.com/eclipse/paho.golang/packets"
	"github.com/google/go-cmp/cmp"

	"havn/upstream/drogue/droguetest"
)

// v5 encodes a packet as the client does.
func v5(kind byte, content packets.Packet) []byte {
	p := packets.NewControlPacket(kind)
	p.Content = content
	var b bytes.Buffer
	p.WriteTo(&b)
	return b.Bytes()
}

func clientPackets() map[string][]byte {
	max := uint16(64)
	return map[string][]byte{
		"connect": v5(packets.CONNECT, &packets.Connect{
			ProtocolName: "MQTT", ProtocolVersion: 5, CleanStart: true, KeepAlive: 60, ClientID: "me",
			UsernameFlag: true, Username: "u", PasswordFlag: true, Password: []byte("p"),
			Properties: &packets.Properties{ReceiveMaximum: &max},
		}),
		"publish": v5(packets.PUBLISH, &packets.Publish{
			QoS: 1, PacketID: 7, Topic: "c/d", Payload: []byte("hello"),
			Properties: &packets.Properties{ContentType: "application/json"},
		}),
		"subscribe": v5(packets.SUBSCRIBE, &packets.Subscribe{
			PacketID: 8, Subscriptions: []packets.SubOptions{{Topic: "a/#", QoS: 1}}, Properties: &packets.Properties{},
		}),
		"puback":     v5(packets.PUBACK, &packets.Puback{PacketID: 9, Properties: &packets.Properties{}}),
		"pingreq":    v5(packets.PINGREQ, &packets.Pingreq{}),
		"disconnect": v5(packets.DISCONNECT, &packets.Disconnect{Properties: &packets.Properties{}}),
	}
}

func TestToV3(t *testing.T) {
	want := map[string]string{
		"connect":    "\x10\x14\x00\x04MQTT\x04\xc2\x00\x3c\x00\x02me\x00\x01u\x00\x01p",
		"publish":    "\x32\x0c\x00\x03c/d\x00\x07hello",
		"subscribe":  "\x82\x08\x00\x08\x00\x03a/#\x01",
		"puback":     "\x40\x02\x00\x09",
		"pingreq":    "\xc0\x00",
		"disconnect": "\xe0\x00",
	}
	got := map[string]string{}
	for name, packet := range clientPackets() {
		v3, err := toV3(packet)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got[name] = string(v3)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFromV3(t *testing.T) {
	for v3, want := range map[string]string{
		"\x20\x02\x01\x00":               "\x20\x03\x01\x00\x00",
		"\x20\x02\x00\x05":               "\x20\x03\x00\x87\x00",
		"\x20\x02\x00\x63":               "\x20\x03\x00\x80\x00",
		"\x90\x03\x00\x08\x01":           "\x90\x04\x00\x08\x00\x01",
		"\x30\x08\x00\x03c/dabc":         "\x30\x09\x00\x03c/d\x00abc",
		"\x32\x0a\x00\x03c/d\x00\x07abc": "\x32\x0b\x00\x03c/d\x00\x07\x00abc",
		"\x40\x02\x00\x07":               "\x40\x02\x00\x07",
		"\xd0\x00":                       "\xd0\x00",
	} {
		if got, err := fromV3([]byte(v3)); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v, want %q", v3, got, err, want)
		}
	}
}

func TestPacketPrefixesFail(t *testing.T) {
	for name, packet := range clientPackets() {
		for n := range packet {
			if _, err := toV3(bytes.Clone(packet[:n])); !errors.Is(err, errPacket) {
				t.Errorf("%s cut to %d bytes: %v", name, n, err)
			}
			if _, err := readPacket(bufio.NewReader(bytes.NewReader(packet[:n]))); err == nil {
				t.Errorf("%s cut to %d bytes is read", name, n)
			}
		}
	}
	for _, bad := range []string{"\x20\x01\x00", "\x30\x01\x00", "\x32\x04\x00\x03a/", "\x90\x01\x00", "\x30\x03\x00\x05a"} {
		if _, err := fromV3([]byte(bad)); !errors.Is(err, errPacket) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzPackets(f *testing.F) {
	for _, packet := range clientPackets() {
		f.Add(packet)
	}
	f.Add([]byte("\x20\x02\x00\x01"))
	f.Add([]byte("\x90\x03\x00\x08\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		packet, err := readPacket(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			return
		}
		for name, translate := range map[string]func([]byte) ([]byte, error){"to": toV3, "from": fromV3} {
			got, err := translate(bytes.Clone(packet))
			if err != nil {
				continue
			}
			if _, _, err := split(got); err != nil {
				t.Errorf("%s 3.1.1: %x becomes %x: %v", name, packet, got, err)
			}
		}
	})
}

// TestOldServer: a server that knows MQTT 3.1.1 alone is spoken to in it. What
// it refuses it answers by closing the connection.
func TestOldServer(t *testing.T) {
	for name, refuse := range map[string]string{
		"3.1.1 CONNACK": "\x20\x02\x00\x01",
		"5.0 CONNACK":   "\x20\x03\x00\x84\x00",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, droguetest.Options{})
			w.PutDevice("app", "alone", `{}`, nil)
			w.cfg.Endpoints[0].URL = "mqtt://" + oldServer(t, w.MQTTURL[len("mqtt://"):], refuse)
			p, commands, _ := w.publisher()
			published(t, p, "d1", `{"v":3}`)
			err := p.Publish(t.Context(), "app", "alone", "firmware", "", nil)
			if !errors.Is(err, ErrDenied) {
				t.Errorf("refused event: %v", err)
			}
			published(t, p, "d1", `{"v":31}`)
			eventually(t, func() error {
				w.Command("app", "d1", "hello", []byte("x"))
				select {
				case c := <-commands:
					if c.Name != "hello" || string(c.Payload) != "x" {
						t.Errorf("command %+v", c)
					}
					return nil
				default:
					return errors.New("no command received")
				}
			})
			for _, e := range w.Events("app", "d1") {
				if e.ContentType != "application/json" {
					t.Errorf("content type %q: version 3 has none, so it is sniffed", e.ContentType)
				}
			}
		})
	}
}

// oldServer passes connections on to address that speak MQTT 3.1.1, and
// answers others with refuse.
func oldServer(t *testing.T, address, refuse string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serveOld(conn, address, refuse)
		}
	}()
	return l.Addr().String()
}

func serveOld(conn net.Conn, address, refuse string) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	connect, err := readPacket(r)
	if err != nil {
		return
	}
	if _, body, err := split(connect); err != nil || body[6] != 4 {
		conn.Write([]byte(refuse))
		return
	}
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	server.Write(connect)
	go func() {
		r.WriteTo(server)
		server.Close()
	}()
	bufio.NewReader(server).WriteTo(conn)
}

func TestOnePacketIsOneWrite(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	c := newPacketConn(client, new(atomic.Bool))
	go func() {
		p := packets.NewControlPacket(packets.PUBLISH)
		p.Content = &packets.Publish{Topic: "c", Payload: []byte("hello"), Properties: &packets.Properties{}}
		p.WriteTo(c)
	}()
	buf := make([]byte, 100)
	if n, err := server.Read(buf); err != nil || string(buf[:n]) != "\x30\x09\x00\x01c\x00hello" {
		t.Errorf("first write is %q, %v", buf[:n], err)
	}
}
