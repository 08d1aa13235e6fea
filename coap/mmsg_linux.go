package coap

import (
	"errors"
	"log/slog"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sharing says that several sockets can share a port.
const sharing = true

// mmsgSocket receives and sends many datagrams in one system call. It waits in
// the netpoller; how it waits is all in receive and send.
type mmsgSocket struct {
	raw       syscall.RawConn
	receiving func(fd uintptr) bool // call, bound once: a new closure per wait would allocate
	sending   func(fd uintptr) bool
	messages  []mmsg
	done      int
	errno     syscall.Errno
}

func newMmsgSocket(raw syscall.RawConn) *mmsgSocket {
	s := &mmsgSocket{raw: raw}
	s.receiving = func(fd uintptr) bool { return s.call(unix.SYS_RECVMMSG, fd) }
	s.sending = func(fd uintptr) bool { return s.call(unix.SYS_SENDMMSG, fd) }
	return s
}

// receive waits for datagrams and returns how many of m it filled.
func (s *mmsgSocket) receive(m []mmsg) (int, error) {
	s.messages = m
	return s.result(s.raw.Read(s.receiving))
}

// send waits for room and returns how many of m were taken. An error is about
// the first.
func (s *mmsgSocket) send(m []mmsg) (int, error) {
	s.messages = m
	return s.result(s.raw.Write(s.sending))
}

func (s *mmsgSocket) result(err error) (int, error) {
	if err == nil && s.errno != 0 {
		err = s.errno
	}
	return s.done, err
}

// call does one system call. It reports false if the socket is not ready.
func (s *mmsgSocket) call(trap, fd uintptr) bool {
	for {
		n, _, errno := unix.Syscall6(trap, fd, uintptr(unsafe.Pointer(&s.messages[0])),
			uintptr(len(s.messages)), unix.MSG_DONTWAIT, 0, 0)
		s.done, s.errno = int(n), errno
		if errno != unix.EINTR {
			return errno != unix.EAGAIN
		}
	}
}

// configure sets a socket up: each datagram tells where it was sent to, and
// bursts are buffered.
func configure(socket *net.UDPConn, log *slog.Logger) error {
	return control(socket, func(fd int) error {
		return errors.Join(tellDestination(fd), growReceiveBuffer(fd, log))
	})
}

// share lets other sockets of this server bind the port of socket.
func share(socket *net.UDPConn) error { return control(socket, reusePort) }

// controlShare lets a socket bind a port that is shared.
func controlShare(_, _ string, raw syscall.RawConn) error { return controlRaw(raw, reusePort) }

func reusePort(fd int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
}

// tellDestination asks for the control messages that batch reads. IPv4 peers
// of an IPv6 socket have theirs in the form of IPv6.
func tellDestination(fd int) error {
	family, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err == nil && family == unix.AF_INET {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	}
	return errors.Join(err, unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1))
}

// growReceiveBuffer takes what the kernel gives: more than its limit with the
// right to it, else the limit, and says so.
func growReceiveBuffer(fd int, log *slog.Logger) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) == nil {
		return nil
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer); err != nil {
		return err
	}
	got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if got /= 2; err == nil && got < receiveBuffer { // the kernel counts its own overhead twice
		log.Warn("coap: small receive buffer, bursts may be lost; raise net.core.rmem_max",
			slog.Int("bytes", got), slog.Int("wanted", receiveBuffer))
	}
	return err
}

func control(socket *net.UDPConn, set func(fd int) error) error {
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	return controlRaw(raw, set)
}

func controlRaw(raw syscall.RawConn, set func(fd int) error) (err error) {
	if failed := raw.Control(func(fd uintptr) { err = set(int(fd)) }); failed != nil {
		return failed
	}
	return err
}
