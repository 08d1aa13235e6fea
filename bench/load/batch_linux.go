package load

import (
	"errors"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"havn/coap/udp/mmsg"
)

// batchSize is how many datagrams one system call moves.
const batchSize = 64

// batch is the memory of a system call for many datagrams. Its headers point
// into its arrays, so it must not be copied.
type batch struct {
	messages  [batchSize]mmsg.Message
	vectors   [batchSize]unix.Iovec
	addresses [batchSize]unix.RawSockaddrInet4
	buffers   [batchSize][maxDatagram]byte
}

// newBatch returns a batch to receive into: whole datagrams and where they
// came from.
func newBatch() *batch {
	b := new(batch)
	for i := range batchSize {
		b.set(i, b.buffers[i][:])
		h := &b.messages[i].Header
		h.Iov = &b.vectors[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&b.addresses[i]))
		h.Namelen = unix.SizeofSockaddrInet4
	}
	return b
}

// set makes data the i-th datagram.
func (b *batch) set(i int, data []byte) {
	b.vectors[i].Base = &data[0]
	b.vectors[i].SetLen(len(data))
}

// datagram returns the i-th datagram that was received, and reports whether it
// is complete.
func (b *batch) datagram(i int) ([]byte, bool) {
	m := &b.messages[i]
	return b.buffers[i][:m.Length], m.Header.Flags&unix.MSG_TRUNC == 0
}

// send sends the first n datagrams. It waits for room.
func (b *batch) send(fd, n int) error {
	for messages := b.messages[:n]; len(messages) > 0; {
		sent, err := mmsg.Send(uintptr(fd), messages)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		messages = messages[sent:]
	}
	return nil
}

// receive fills the batch and returns how many datagrams there are; 0 where
// flags say not to wait, or the socket's timeout has passed.
func (b *batch) receive(fd, flags int) (int, error) {
	n, err := mmsg.Receive(uintptr(fd), b.messages[:], flags)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return 0, nil
	}
	return n, err
}

// sources are the source addresses of a batch that is sent: one control message
// IP_PKTINFO each.
type sources [batchSize]source

type source struct {
	head unix.Cmsghdr
	info unix.Inet4Pktinfo
	_    [4]byte // to the alignment of cmsghdr
}

// attach gives each datagram of b a source address, to be set before it is sent.
func (s *sources) attach(b *batch) {
	for i := range s {
		c := &s[i].head
		c.Level, c.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
		c.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
		h := &b.messages[i].Header
		h.Control = (*byte)(unsafe.Pointer(&s[i]))
		h.SetControllen(unix.CmsgSpace(unix.SizeofInet4Pktinfo))
	}
}

// endpoint returns the address of the i-th endpoint, from 127.1.0.0 on. All of
// 127.0.0.0/8 is this machine.
func endpoint(i uint32) [4]byte { return [4]byte{127, byte(1 + i>>16), byte(i >> 8), byte(i)} }

// rawAddress returns a as the kernel writes it.
func rawAddress(a netip.AddrPort) unix.RawSockaddrInet4 {
	raw := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: a.Addr().As4()}
	port := (*[2]byte)(unsafe.Pointer(&raw.Port))
	port[0], port[1] = byte(a.Port()>>8), byte(a.Port())
	return raw
}
