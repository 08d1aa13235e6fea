package mqtt

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"havn/dfu"
)

// client is the other end of a connection, which sends what a test wants.
type client struct {
	t       testing.TB
	conn    net.Conn
	in      *bufio.Reader
	version byte
	id      uint16
}

// versions are the protocol versions that are spoken.
var versions = map[string]byte{"MQTT 3.1.1": 4, "MQTT 5": 5}

func (w *world) dial(t testing.TB, version byte) *client {
	t.Helper()
	conn, err := net.Dial("tcp", w.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	c := &client{t: t, conn: conn, in: bufio.NewReader(conn), version: version}
	t.Cleanup(func() { _ = conn.Close() })
	return c
}

// connect dials and connects as a user.
func (w *world) connect(t testing.TB, version byte, user string) *client {
	t.Helper()
	c := w.dial(t, version)
	c.send(hello(user, ""))
	if ack := c.want(packets.Connack); ack.ReasonCode != 0 {
		t.Fatalf("CONNACK %#x", ack.ReasonCode)
	}
	return c
}

// device connects as a user and subscribes to its commands.
func (w *world) device(t testing.TB, version byte, user string) *client {
	t.Helper()
	c := w.connect(t, version, user)
	if codes := c.subscribe("command/inbox/#"); codes[0] != 0 {
		t.Fatalf("SUBACK %#x", codes)
	}
	return c
}

// hello returns a CONNECT.
func hello(user, clientID string) packets.Packet {
	return packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Connect},
		Connect: packets.ConnectParams{
			ProtocolName: []byte("MQTT"), Clean: true, Keepalive: 60, ClientIdentifier: clientID,
			UsernameFlag: user != "", Username: []byte(user),
			PasswordFlag: user != "", Password: []byte("secret"),
		},
	}
}

func message(topic string, payload []byte, qos byte) packets.Packet {
	return packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: qos}, TopicName: topic, Payload: payload,
	}
}

// encode returns a packet as it is on the wire.
func encode(t testing.TB, version byte, pk packets.Packet) []byte {
	t.Helper()
	pk.ProtocolVersion = version
	var buf bytes.Buffer
	var err error
	switch pk.FixedHeader.Type {
	case packets.Connect:
		err = pk.ConnectEncode(&buf)
	case packets.Publish:
		err = pk.PublishEncode(&buf)
	case packets.Subscribe:
		err = pk.SubscribeEncode(&buf)
	case packets.Unsubscribe:
		err = pk.UnsubscribeEncode(&buf)
	case packets.Disconnect:
		err = pk.DisconnectEncode(&buf)
	case packets.Pingreq:
		err = pk.PingreqEncode(&buf)
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func (c *client) send(pk packets.Packet) {
	c.t.Helper()
	if pk.FixedHeader.Qos > 0 && pk.PacketID == 0 {
		c.id++
		pk.PacketID = c.id
	}
	if _, err := c.conn.Write(encode(c.t, c.version, pk)); err != nil {
		c.t.Fatal(err)
	}
}

// receive returns the next packet.
func (c *client) receive() (pk packets.Packet, err error) {
	pk.ProtocolVersion = c.version
	first, err := c.in.ReadByte()
	if err != nil {
		return pk, err
	}
	if err := pk.FixedHeader.Decode(first); err != nil {
		c.t.Fatal(err)
	}
	pk.FixedHeader.Remaining, _, err = packets.DecodeLength(c.in)
	if err != nil {
		return pk, err
	}
	body := make([]byte, pk.FixedHeader.Remaining)
	if _, err := io.ReadFull(c.in, body); err != nil {
		return pk, err
	}
	switch pk.FixedHeader.Type {
	case packets.Connack:
		err = pk.ConnackDecode(body)
	case packets.Suback:
		err = pk.SubackDecode(body)
	case packets.Unsuback:
		err = pk.UnsubackDecode(body)
	case packets.Puback:
		err = pk.PubackDecode(body)
	case packets.Publish:
		err = pk.PublishDecode(body)
	case packets.Disconnect:
		err = pk.DisconnectDecode(body)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return pk, nil
}

// want returns the next packet, which must be of a type.
func (c *client) want(kind byte) packets.Packet {
	c.t.Helper()
	pk, err := c.receive()
	if err != nil || pk.FixedHeader.Type != kind {
		c.t.Fatalf("got %s %#x, %v; want %s", packets.PacketNames[pk.FixedHeader.Type], pk.ReasonCode, err,
			packets.PacketNames[kind])
	}
	return pk
}

// ended wants the end of the connection: in MQTT 5 after a DISCONNECT with a code.
func (c *client) ended(code byte) {
	c.t.Helper()
	if c.version == 5 {
		if pk := c.want(packets.Disconnect); pk.ReasonCode != code {
			c.t.Errorf("DISCONNECT %#x, want %#x", pk.ReasonCode, code)
		}
	}
	if pk, err := c.receive(); err == nil {
		c.t.Errorf("after the end: %s", packets.PacketNames[pk.FixedHeader.Type])
	}
}

// quiet wants nothing to have been sent: an answer to a ping comes first.
func (c *client) quiet() {
	c.t.Helper()
	c.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pingreq}})
	c.want(packets.Pingresp)
}

func (c *client) subscribe(filters ...string) []byte {
	c.t.Helper()
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1}}
	for _, f := range filters {
		pk.Filters = append(pk.Filters, packets.Subscription{Filter: f, Qos: 1})
	}
	c.send(pk)
	return c.want(packets.Suback).ReasonCodes
}

// ask publishes a Status and returns the Command.
func (c *client) ask(st dfu.Status, qos byte) dfu.Command {
	c.t.Helper()
	c.send(message("dfu", st.Append(nil), qos))
	if qos > 0 {
		if ack := c.want(packets.Puback); ack.ReasonCode != 0 {
			c.t.Fatalf("PUBACK %#x", ack.ReasonCode)
		}
	}
	return c.command("command/inbox//dfu")
}

// command wants a Command on a topic.
func (c *client) command(topic string) dfu.Command {
	c.t.Helper()
	pk := c.want(packets.Publish)
	if pk.TopicName != topic || pk.FixedHeader.Qos != 0 || pk.FixedHeader.Retain {
		c.t.Fatalf("%q, QoS %d, retained %t", pk.TopicName, pk.FixedHeader.Qos, pk.FixedHeader.Retain)
	}
	cmd, err := dfu.ParseCommand(pk.Payload)
	if err != nil {
		c.t.Fatal(err)
	}
	return cmd
}
