package mqtt

import (
	"bufio"
	"encoding/binary"
	"net"
	"sync"
	"time"
)

// writeTimeout bounds the writing of one packet. A peer that takes longer hangs.
const writeTimeout = 20 * time.Second

// wire is the connection under an MQTT 5 client. The client writes a packet in
// parts, and each part would be a segment and a TLS record of its own. wire makes
// one write of a packet, and buffers what is read.
//
// The client locks the wire around each packet.
type wire struct {
	net.Conn
	sync.Mutex
	in  *bufio.Reader
	out []byte // the packet so far
}

func newWire(conn net.Conn) *wire { return &wire{Conn: conn, in: bufio.NewReader(conn)} }

// Read implements net.Conn.
func (w *wire) Read(p []byte) (int, error) { return w.in.Read(p) }

// Write takes a part of a packet, and sends the packet with its last part. The
// first part holds at least the fixed header: the type, then the length of the
// rest as Go writes a varint. After an error half a packet may be out, and the
// connection is of no use.
func (w *wire) Write(p []byte) (int, error) {
	if len(p) == 0 { // an empty payload, after the last part
		return 0, nil
	}
	w.out = append(w.out, p...)
	length, n := binary.Uvarint(w.out[1:])
	if len(w.out) < 1+n+int(length) {
		return len(p), nil
	}
	_ = w.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := w.Conn.Write(w.out)
	if w.out = w.out[:0]; err != nil {
		w.Conn.Close()
		return 0, err
	}
	return len(p), nil
}
