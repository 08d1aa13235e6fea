package load

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// receiveBuffer holds the answers to a few thousand requests, in bytes.
const receiveBuffer = 8 << 20

// openSocket returns a blocking UDP socket on a free port of address.
func openSocket(address [4]byte) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open a UDP socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: address}); err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("bind a UDP socket: %w", err)
	}
	// What the kernel gives is enough for the usual number in flight.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
	return fd, nil
}

// localAddress returns what a socket is bound to.
func localAddress(fd int) (netip.AddrPort, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("address of a UDP socket: %w", err)
	}
	in := sa.(*unix.SockaddrInet4)
	return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), uint16(in.Port)), nil
}
