package device

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/dfu"
)

// What a gateway must not do to a device that speaks MQTT.
const (
	BadDelivery Kind = "bad delivery"           // a command with QoS, retained, or before the PUBACK
	OverPacket  Kind = "over maximum packet"    // a packet longer than the device said it takes
	StrayTopic  Kind = "topic of somebody else" // not the inbox of the device
)

// Versions of the protocol, as CONNECT has them.
const (
	MQTT311 = 4
	MQTT5   = 5
)

// Bounds of the simulated client.
const (
	mqttTimeout = 40 * time.Second
	mqttPacket  = 16 << 10 // longest packet that it takes by default
)

// MQTT is a gateway's MQTT front as one device uses it, a Transport of [New]. It
// keeps one connection, has one message on its way at a time, and reads as strictly
// as a device that has room for one packet.
type MQTT struct {
	Address   string      // HOST:PORT of the gateway
	TLS       *tls.Config // nil: none
	Device    dfu.Device  // the user, as DEVICE@APPLICATION
	Password  string
	Version   byte          // MQTT311 or MQTT5; MQTT5 when 0
	QoS       byte          // of its messages, 0 or 1
	MaxPacket uint32        // bytes; said to the gateway in MQTT 5; 16 KiB when 0
	Timeout   time.Duration // of one exchange; 40 s when 0

	conn net.Conn // nil: none is open
	in   *bufio.Reader
	id   uint16
}

// Exchange implements Transport: it publishes to dfu, and waits for the command dfu.
func (m *MQTT) Exchange(ctx context.Context, status []byte) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(m.Timeout, mqttTimeout))
	defer cancel()
	if err := m.open(ctx); err != nil {
		return Answer{}, fmt.Errorf("gateway %s: %w", m.Address, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = m.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	answer, err := m.exchange(status)
	if err != nil {
		_ = m.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return Answer{}, fmt.Errorf("gateway %s: %w", m.Address, err)
	}
	return answer, nil
}

// Close ends the connection, if one is open.
func (m *MQTT) Close() error {
	if m.conn == nil {
		return nil
	}
	_ = m.write(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Disconnect}})
	conn := m.conn
	m.conn = nil
	return conn.Close()
}

// open connects and subscribes, if that is not done.
func (m *MQTT) open(ctx context.Context) (err error) {
	if m.conn != nil {
		return nil
	}
	dial := new(net.Dialer).DialContext
	if m.TLS != nil {
		dial = (&tls.Dialer{Config: m.TLS}).DialContext
	}
	if m.conn, err = dial(ctx, "tcp", m.Address); err != nil {
		m.conn = nil
		return err
	}
	m.in = bufio.NewReader(m.conn)
	if err = m.greet(); err != nil {
		_ = m.Close()
	}
	return err
}

// greet sends CONNECT and SUBSCRIBE.
func (m *MQTT) greet() error {
	hello := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Connect}}
	hello.Connect = packets.ConnectParams{
		ProtocolName: []byte("MQTT"), Clean: true, Keepalive: 60, ClientIdentifier: m.Device.Name,
		UsernameFlag: true, Username: []byte(userEscapes.Replace(m.Device.Name) + "@" + m.Device.Application),
		PasswordFlag: m.Password != "", Password: []byte(m.Password),
	}
	hello.Properties.MaximumPacketSize = m.MaxPacket
	if err := m.write(hello); err != nil {
		return err
	}
	if ack, err := m.await(packets.Connack); err != nil {
		return err
	} else if ack.ReasonCode != 0 {
		text := fmt.Sprintf("CONNACK %#02x: the gateway does not let this device in", ack.ReasonCode)
		return &CodeError{Code: codes.Unauthorized, Text: text}
	}
	err := m.write(packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1}, PacketID: m.nextID(),
		Filters: packets.Subscriptions{{Filter: "command/inbox/#"}},
	})
	if err != nil {
		return err
	}
	ack, err := m.await(packets.Suback)
	if err == nil && !bytes.Equal(ack.ReasonCodes, []byte{0}) {
		err = fmt.Errorf("SUBACK % x: want 00", ack.ReasonCodes)
	}
	return err
}

// exchange publishes a Status and reads up to its answer.
func (m *MQTT) exchange(status []byte) (a Answer, err error) {
	message := packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: m.QoS}, TopicName: "dfu", Payload: status,
	}
	if m.QoS > 0 {
		message.PacketID = m.nextID()
	}
	if err := m.write(message); err != nil {
		return Answer{}, err
	}
	acknowledged := m.QoS == 0
	for {
		pk, err := m.read()
		switch {
		case err != nil:
			return Answer{}, err
		case pk.FixedHeader.Type == packets.Puback && pk.PacketID == message.PacketID && pk.ReasonCode < 0x80:
			acknowledged = true
		case pk.FixedHeader.Type == packets.Publish:
			return m.answer(pk, acknowledged), nil
		default:
			return Answer{}, unexpected(pk)
		}
	}
}

// answer returns what the device makes of a message.
func (m *MQTT) answer(pk packets.Packet, acknowledged bool) Answer {
	a := Answer{Command: pk.Payload}
	if pk.TopicName != "command/inbox//dfu" {
		a.Violations = append(a.Violations, violation(StrayTopic, "%q, want command/inbox//dfu", pk.TopicName))
	}
	if h := pk.FixedHeader; h.Qos != 0 || h.Retain || h.Dup || !acknowledged {
		a.Violations = append(a.Violations, violation(BadDelivery,
			"QoS %d, retained %t, again %t, after the PUBACK %t", h.Qos, h.Retain, h.Dup, acknowledged))
	}
	if most := m.most(); uint32(pk.FixedHeader.Remaining) > most {
		a.Violations = append(a.Violations,
			violation(OverPacket, "%d bytes, want at most %d", pk.FixedHeader.Remaining, most))
	}
	return a
}

// most is the longest packet that the device takes. In MQTT 3.1.1 it cannot tell the
// gateway.
func (m *MQTT) most() uint32 {
	if m.Version == MQTT311 {
		return mqttPacket
	}
	return cmp.Or(m.MaxPacket, mqttPacket)
}

// await reads a packet that must be of a type.
func (m *MQTT) await(kind byte) (packets.Packet, error) {
	pk, err := m.read()
	if err == nil && pk.FixedHeader.Type != kind {
		err = unexpected(pk)
	}
	return pk, err
}

func unexpected(pk packets.Packet) error {
	return fmt.Errorf("unexpected %s, reason %#02x", packets.PacketNames[pk.FixedHeader.Type], pk.ReasonCode)
}

func (m *MQTT) nextID() uint16 {
	m.id = m.id%0xffff + 1
	return m.id
}

// errPacket: the gateway sends what no device can read.
var errPacket = errors.New("a packet that cannot be read")

// read reads one packet, of the types that a device is sent.
func (m *MQTT) read() (pk packets.Packet, err error) {
	pk.ProtocolVersion = cmp.Or(m.Version, MQTT5)
	first, err := m.in.ReadByte()
	if err != nil {
		return pk, err
	}
	if err := pk.FixedHeader.Decode(first); err != nil {
		return pk, fmt.Errorf("%w: %w", errPacket, err)
	}
	if pk.FixedHeader.Remaining, _, err = packets.DecodeLength(m.in); err != nil {
		return pk, err
	}
	if pk.FixedHeader.Remaining > 2*mqttPacket {
		return pk, fmt.Errorf("%w: %d bytes", errPacket, pk.FixedHeader.Remaining)
	}
	body := make([]byte, pk.FixedHeader.Remaining)
	if _, err := io.ReadFull(m.in, body); err != nil {
		return pk, err
	}
	return pk, decode(&pk, body)
}

func decode(pk *packets.Packet, body []byte) error {
	switch pk.FixedHeader.Type {
	case packets.Connack:
		return pk.ConnackDecode(body)
	case packets.Suback:
		return pk.SubackDecode(body)
	case packets.Puback:
		return pk.PubackDecode(body)
	case packets.Publish:
		return pk.PublishDecode(body)
	case packets.Disconnect:
		return pk.DisconnectDecode(body)
	}
	return fmt.Errorf("%w: type %d", errPacket, pk.FixedHeader.Type)
}

// write sends one packet in one piece.
func (m *MQTT) write(pk packets.Packet) (err error) {
	pk.ProtocolVersion = cmp.Or(m.Version, MQTT5)
	var buf bytes.Buffer
	switch pk.FixedHeader.Type {
	case packets.Connect:
		err = pk.ConnectEncode(&buf)
	case packets.Subscribe:
		err = pk.SubscribeEncode(&buf)
	case packets.Publish:
		err = pk.PublishEncode(&buf)
	case packets.Disconnect:
		err = pk.DisconnectEncode(&buf)
	}
	if err == nil {
		_, err = buf.WriteTo(m.conn)
	}
	return err
}
