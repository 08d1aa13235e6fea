package drogue

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// MQTT packet types, as the upper half of a packet's first byte.
const (
	mqttConnect    = 1
	mqttConnack    = 2
	mqttPublish    = 3
	mqttPuback     = 4
	mqttSubscribe  = 8
	mqttSuback     = 9
	mqttDisconnect = 14
)

// writeTimeout bounds the writing of one packet: a peer that takes longer for
// 16 KiB hangs.
const writeTimeout = 20 * time.Second

var errPacket = errors.New("malformed MQTT packet")

// packetConn is the network connection of an MQTT 5 client. It sends each
// packet in one piece, where the client writes its parts, and speaks MQTT
// 3.1.1 to servers that know no other: the packets of the two differ by the
// properties alone.
//
// The client locks it around each packet.
type packetConn struct {
	net.Conn
	v3     bool
	onlyV3 *atomic.Bool // set when the server asks for 3.1.1

	out struct {
		sync.Mutex
		packet []byte
	}
	in struct {
		*bufio.Reader
		packet []byte // what is left of the last packet
		first  bool   // a packet was read
	}
}

func newPacketConn(conn net.Conn, onlyV3 *atomic.Bool) *packetConn {
	c := &packetConn{Conn: conn, v3: onlyV3.Load(), onlyV3: onlyV3}
	c.in.Reader = bufio.NewReader(conn)
	return c
}

// Lock begins a packet.
func (c *packetConn) Lock() { c.out.Lock() }

// Write takes a part of the packet.
func (c *packetConn) Write(p []byte) (int, error) {
	c.out.packet = append(c.out.packet, p...)
	return len(p), nil
}

// Unlock sends the packet. An error closes the connection: its reader notices.
func (c *packetConn) Unlock() {
	defer c.out.Unlock()
	packet, err := c.out.packet, error(nil)
	if c.v3 {
		packet, err = toV3(packet)
	}
	if err == nil {
		c.Conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		_, err = c.Conn.Write(packet)
	}
	if err != nil {
		c.Conn.Close()
	}
	c.out.packet = c.out.packet[:0]
}

// Read returns parts of received packets.
func (c *packetConn) Read(p []byte) (int, error) {
	for len(c.in.packet) == 0 {
		packet, err := readPacket(c.in.Reader)
		if err != nil {
			return 0, err
		}
		if !c.in.first {
			c.in.first = true
			c.onlyV3.Store(c.v3 || wantsV3(packet))
		}
		if c.v3 {
			if packet, err = fromV3(packet); err != nil {
				return 0, err
			}
		}
		c.in.packet = packet
	}
	n := copy(p, c.in.packet)
	c.in.packet = c.in.packet[n:]
	return n, nil
}

// maxPacket bounds a received packet, in bytes. Commands are at most 16 KiB,
// events 64 KiB and a third for base64.
const maxPacket = 256 << 10

func readPacket(r *bufio.Reader) ([]byte, error) {
	head, err := r.ReadByte()
	if err != nil {
		return nil, err
	}
	// The remaining length is written as Go writes a varint.
	length, err := binary.ReadUvarint(r)
	if err != nil || length > maxPacket {
		return nil, errors.Join(errPacket, err)
	}
	packet := binary.AppendUvarint([]byte{head}, length)
	body := len(packet)
	packet = append(packet, make([]byte, length)...)
	_, err = io.ReadFull(r, packet[body:])
	return packet, err
}

// wantsV3 reports whether a server refused the protocol version, in its own
// version's way or in ours.
func wantsV3(connack []byte) bool {
	const unsupportedV3, unsupportedV5 = 0x01, 0x84
	return len(connack) >= 4 && connack[0]>>4 == mqttConnack &&
		(connack[3] == unsupportedV3 || connack[3] == unsupportedV5)
}
