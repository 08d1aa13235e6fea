package udp

import (
	"net/netip"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// deliver makes the first request of b one that was sent to the address to.
func (b *batch) deliver(to, ours netip.Addr) {
	control := unsafe.Pointer(&b.controls[0])
	info := unsafe.Add(control, unix.SizeofCmsghdr)
	head := (*unix.Cmsghdr)(control)
	if to.Is4() {
		head.Level, head.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
		*(*unix.Inet4Pktinfo)(info) = unix.Inet4Pktinfo{Ifindex: 7, Spec_dst: ours.As4(), Addr: to.As4()}
		return
	}
	head.Level, head.Type = unix.IPPROTO_IPV6, unix.IPV6_PKTINFO
	*(*unix.Inet6Pktinfo)(info) = unix.Inet6Pktinfo{Ifindex: 7, Addr: to.As16()}
}

// TestUnicast checks that nothing sent to a group is answered, and that no
// reply is tied to the interface of its request.
func TestUnicast(t *testing.T) {
	tests := []struct {
		to, ours string
		want     bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"224.0.1.187", "192.0.2.1", false},
		{"255.255.255.255", "192.0.2.1", false},
		{"192.0.2.255", "192.0.2.1", false},
		{"2001:db8::1", "", true},
		{"fe80::1", "", true},
		{"ff02::1", "", false},
		{"ff05::fd", "", false},
		{"::ffff:192.0.2.1", "", true},
		{"::ffff:224.0.1.187", "", false},
	}
	for _, tt := range tests {
		b := newBatch()
		ours, _ := netip.ParseAddr(tt.ours)
		b.deliver(netip.MustParseAddr(tt.to), ours)
		if got := b.unicast(0); got != tt.want {
			t.Errorf("sent to %s: unicast %t, want %t", tt.to, got, tt.want)
		}
		info := unsafe.Add(unsafe.Pointer(&b.controls[0]), unix.SizeofCmsghdr)
		index := (*unix.Inet6Pktinfo)(info).Ifindex
		if tt.ours != "" {
			index = uint32((*unix.Inet4Pktinfo)(info).Ifindex)
		}
		if index != 0 {
			t.Errorf("sent to %s: the reply is tied to interface %d", tt.to, index)
		}
	}
	b := newBatch()
	b.requests[0].Header.SetControllen(0)
	if !b.unicast(0) {
		t.Error("without a control message: not unicast")
	}
}

func TestPeer(t *testing.T) {
	for from, want := range map[string]string{
		"192.0.2.1:5683":          "192.0.2.1:5683",
		"[2001:db8::1]:61616":     "[2001:db8::1]:61616",
		"[::ffff:192.0.2.1]:5683": "192.0.2.1:5683",
	} {
		addr := netip.MustParseAddrPort(from)
		port := [2]byte{byte(addr.Port() >> 8), byte(addr.Port())}
		b := newBatch()
		if addr.Addr().Is4() {
			*(*unix.RawSockaddrInet4)(unsafe.Pointer(&b.peers[0])) = unix.RawSockaddrInet4{
				Family: unix.AF_INET, Port: *(*uint16)(unsafe.Pointer(&port)), Addr: addr.Addr().As4()}
		} else {
			b.peers[0] = unix.RawSockaddrInet6{
				Family: unix.AF_INET6, Port: *(*uint16)(unsafe.Pointer(&port)), Addr: addr.Addr().As16()}
		}
		if got := b.peer(0).String(); got != want {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
}
