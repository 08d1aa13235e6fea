package udp

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"havn/coap/udp/mmsg"
)

// batchSize is how many datagrams one system call takes. At 64 its cost is
// spread thin enough, and the first of the batch still waits well under a
// millisecond for the last.
const batchSize = 64

// controlSize holds one IP_PKTINFO or IPV6_PKTINFO, in words.
const controlSize = 5

// batch is the memory of one reader. Request and reply headers point into the
// arrays below them; a reply borrows address and control message of its request.
type batch struct {
	requests, replies [batchSize]mmsg.Message
	requestVectors    [batchSize]unix.Iovec
	replyVectors      [batchSize]unix.Iovec

	peers          [batchSize]unix.RawSockaddrInet6 // or RawSockaddrInet4, which is shorter
	controls       [batchSize][controlSize]uint64   // words, for the alignment of cmsghdr
	requestBuffers [batchSize][MaxDatagram]byte
	replyBuffers   [batchSize][MaxReply]byte
}

func newBatch() *batch {
	b := new(batch)
	for i := range batchSize {
		b.requestVectors[i].Base = &b.requestBuffers[i][0]
		b.requestVectors[i].SetLen(MaxDatagram)
		h := &b.requests[i].Header
		h.Iov = &b.requestVectors[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&b.peers[i]))
		h.Control = (*byte)(unsafe.Pointer(&b.controls[i]))
		b.replies[i].Header.Iov = &b.replyVectors[i]
		b.replies[i].Header.SetIovlen(1)
	}
	b.reuse(batchSize)
	return b
}

// reuse makes the first n requests ready to be received into again.
func (b *batch) reuse(n int) {
	for i := range n {
		h := &b.requests[i].Header
		h.Namelen = unix.SizeofSockaddrInet6
		h.SetControllen(controlSize * 8)
	}
}

// request returns the i-th datagram, as far as it was received.
func (b *batch) request(i int) []byte { return b.requestBuffers[i][:b.requests[i].Length] }

// peer returns where the i-th datagram came from. An IPv4 peer of a socket for
// both families is an IPv4 address.
func (b *batch) peer(i int) netip.AddrPort {
	raw := (*[unix.SizeofSockaddrInet6]byte)(unsafe.Pointer(&b.peers[i]))
	port := binary.BigEndian.Uint16(raw[2:])
	if b.peers[i].Family == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(raw[4:8])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(b.peers[i].Addr).Unmap(), port)
}

// unicast reports whether the i-th datagram was sent to this host alone. Its control
// message holds the address that it was sent to. unicast prepares the control message
// for the reply, which comes from the same address, by whatever route leads to the
// peer. A socket of one address has no control messages, and needs none.
func (b *batch) unicast(i int) bool {
	const head = unix.SizeofCmsghdr
	control := unsafe.Pointer(&b.controls[i])
	if b.requests[i].Header.Controllen < head {
		return true
	}
	switch info := unsafe.Add(control, head); (*unix.Cmsghdr)(control).Type {
	case unix.IP_PKTINFO:
		v4 := (*unix.Inet4Pktinfo)(info)
		v4.Ifindex = 0
		return v4.Addr == v4.Spec_dst // the one in the header, and ours
	case unix.IPV6_PKTINFO:
		v6 := (*unix.Inet6Pktinfo)(info)
		v6.Ifindex = 0
		return !netip.AddrFrom16(v6.Addr).Unmap().IsMulticast()
	}
	return true
}

// reply makes datagram, which is in the k-th reply buffer, the k-th reply: to
// the peer of the i-th request.
func (b *batch) reply(k, i int, datagram []byte) {
	from, to := &b.requests[i].Header, &b.replies[k].Header
	to.Name, to.Namelen = from.Name, from.Namelen
	to.Control, to.Controllen = from.Control, from.Controllen
	b.replyVectors[k].Base = &datagram[0]
	b.replyVectors[k].SetLen(len(datagram))
}
