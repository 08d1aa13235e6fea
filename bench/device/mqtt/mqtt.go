package mqtt

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

	"havn/bench/device"
	"havn/dfu"
)

// What a gateway must not do to a device that speaks MQTT.
const (
	BadDelivery device.Kind = "bad delivery"           // a command with QoS, retained, or before the PUBACK
	OverPacket  device.Kind = "over maximum packet"    // a packet longer than the device said it takes
	StrayTopic  device.Kind = "topic of somebody else" // not the inbox of the device
)

// Versions of the protocol, as CONNECT has them.
const (
	V311 = 4
	V5   = 5
)

// Bounds of the simulated client.
const (
	exchangeTimeout = 40 * time.Second
	defaultPacket   = 16 << 10 // longest packet that it takes by default
)

// Transport is a gateway's MQTT front as one device uses it, the device.Transport of device.New. It
// keeps one connection, has one message on its way at a time, and reads as strictly
// as a device that has room for one packet.
type Transport struct {
	Address   string      // HOST:PORT of the gateway
	TLS       *tls.Config // nil: none
	Device    dfu.Device  // the user, as DEVICE@APPLICATION
	Password  string
	Version   byte          // V311 or V5; V5 when 0
	QoS       byte          // of its messages, 0 or 1
	MaxPacket uint32        // bytes; said to the gateway in MQTT 5; 16 KiB when 0
	Timeout   time.Duration // of one exchange; 40 s when 0

	conn net.Conn // nil: none is open
	in   *bufio.Reader
	id   uint16
}

// Exchange implements device.Transport: it publishes to dfu, and waits for the command dfu.
func (m *Transport) Exchange(ctx context.Context, status []byte) (device.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(m.Timeout, exchangeTimeout))
	defer cancel()
	if err := m.open(ctx); err != nil {
		return device.Answer{}, fmt.Errorf("gateway %s: %w", m.Address, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = m.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	answer, err := m.exchange(status)
	if err != nil {
		_ = m.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return device.Answer{}, fmt.Errorf("gateway %s: %w", m.Address, err)
	}
	return answer, nil
}

// Close ends the connection, if one is open.
func (m *Transport) Close() error {
	if m.conn == nil {
		return nil
	}
	_ = m.write(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Disconnect}})
	conn := m.conn
	m.conn = nil
	return conn.Close()
}

// open connects and subscribes, if that is not done.
func (m *Transport) open(ctx context.Context) (err error) {
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
func (m *Transport) greet() error {
	hello := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Connect}}
	hello.Connect = packets.ConnectParams{
		ProtocolName: []byte("MQTT"), Clean: true, Keepalive: 60, ClientIdentifier: m.Device.Name,
		UsernameFlag: true, Username: []byte(device.User(m.Device)),
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
		return &device.CodeError{Code: codes.Unauthorized, Text: text}
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
func (m *Transport) exchange(status []byte) (a device.Answer, err error) {
	message := packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: m.QoS}, TopicName: "dfu", Payload: status,
	}
	if m.QoS > 0 {
		message.PacketID = m.nextID()
	}
	if err := m.write(message); err != nil {
		return device.Answer{}, err
	}
	acknowledged := m.QoS == 0
	for {
		pk, err := m.read()
		switch {
		case err != nil:
			return device.Answer{}, err
		case pk.FixedHeader.Type == packets.Puback && pk.PacketID == message.PacketID && pk.ReasonCode < 0x80:
			acknowledged = true
		case pk.FixedHeader.Type == packets.Publish:
			return m.answer(pk, acknowledged), nil
		default:
			return device.Answer{}, unexpected(pk)
		}
	}
}

// answer returns what the device makes of a message.
func (m *Transport) answer(pk packets.Packet, acknowledged bool) device.Answer {
	a := device.Answer{Command: pk.Payload}
	if pk.TopicName != "command/inbox//dfu" {
		a.Violations = append(a.Violations, device.Broken(StrayTopic, "%q, want command/inbox//dfu", pk.TopicName))
	}
	if h := pk.FixedHeader; h.Qos != 0 || h.Retain || h.Dup || !acknowledged {
		a.Violations = append(a.Violations, device.Broken(BadDelivery,
			"QoS %d, retained %t, again %t, after the PUBACK %t", h.Qos, h.Retain, h.Dup, acknowledged))
	}
	if most := m.most(); uint32(pk.FixedHeader.Remaining) > most {
		a.Violations = append(a.Violations,
			device.Broken(OverPacket, "%d bytes, want at most %d", pk.FixedHeader.Remaining, most))
	}
	return a
}

// most is the longest packet that the device takes. In MQTT 3.1.1 it cannot tell the
// gateway.
func (m *Transport) most() uint32 {
	if m.Version == V311 {
		return defaultPacket
	}
	return cmp.Or(m.MaxPacket, defaultPacket)
}

// await reads a packet that must be of a type.
func (m *Transport) await(kind byte) (packets.Packet, error) {
	pk, err := m.read()
	if err == nil && pk.FixedHeader.Type != kind {
		err = unexpected(pk)
	}
	return pk, err
}

func unexpected(pk packets.Packet) error {
	return fmt.Errorf("unexpected %s, reason %#02x", packets.PacketNames[pk.FixedHeader.Type], pk.ReasonCode)
}

func (m *Transport) nextID() uint16 {
	m.id = m.id%0xffff + 1
	return m.id
}

// errPacket: the gateway sends what no device can read.
var errPacket = errors.New("a packet that cannot be read")

// read reads one packet, of the types that a device is sent.
func (m *Transport) read() (pk packets.Packet, err error) {
	pk.ProtocolVersion = cmp.Or(m.Version, V5)
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
	if pk.FixedHeader.Remaining > 2*defaultPacket {
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
func (m *Transport) write(pk packets.Packet) (err error) {
	pk.ProtocolVersion = cmp.Or(m.Version, V5)
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
