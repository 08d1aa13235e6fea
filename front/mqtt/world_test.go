package mqtt

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"go.uber.org/goleak"

	"havn/dfu"
	"havn/front"
	"havn/front/fronttest"
	"havn/telemetry"
	"havn/update/updatetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// blinky is the firmware of all worlds: whole words, and a short tail.
var blinky = updatetest.New("2.0.0", 50_003)

// world is a front that runs, over an engine that has blinky for all devices of
// application "edge".
type world struct {
	*Front
	inbox *telemetry.Inbox
	log   *fronttest.Log

	mu   sync.Mutex
	told []string // telemetry taken, as DEVICE CHANNEL TYPE PAYLOAD
}

// newWorld returns a world with an upstream.
func newWorld(t testing.TB, c Chunks) *world {
	t.Helper()
	w := &world{inbox: telemetry.NewInbox(nil), log: new(fronttest.Log)}
	w.start(t, c, telemetry.Upstream{Telemetry: w.take, Commands: w.inbox.Take})
	return w
}

func (w *world) start(t testing.TB, c Chunks, up telemetry.Upstream) {
	t.Helper()
	f, err := New(Setup{Config{Listen: "127.0.0.1:0"}, c}, front.Parts{
		Engine: blinky.Engine(t), Upstream: up, Log: slog.New(slog.NewTextHandler(w.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Front = f
	fronttest.Run(t, f)
}

func (w *world) take(application, device, channel, contentType string, payload []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if channel == "full" {
		return errors.New("the spool is full")
	}
	w.told = append(w.told, strings.Join([]string{application, device, channel, contentType, string(payload)}, " "))
	return nil
}

// taken returns the telemetry taken so far.
func (w *world) taken() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.told, "\n")
}

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

// routed returns how many devices have a connection that takes their commands.
func (w *world) routed() int {
	w.Front.mu.Lock()
	defer w.Front.mu.Unlock()
	return len(w.Front.routes)
}

// until waits for a condition.
func until(t testing.TB, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never happened")
		}
	}
}

// until waits until so many connections are open.
func (w *world) until(t testing.TB, connections float64) {
	t.Helper()
	until(t, func() bool { return w.Counts().Extra()[0].Value == connections })
}
