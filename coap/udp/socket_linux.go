package udp

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"havn/coap/udp/mmsg"
)

// sharing says that several sockets can share a port.
const sharing = true

// mmsgSocket receives and sends many datagrams in one system call.
type mmsgSocket struct {
	file *os.File // a duplicate of the socket, in blocking mode
	fd   uintptr
}

func newMmsgSocket(socket *net.UDPConn) (*mmsgSocket, error) {
	file, err := socket.File()
	if err != nil {
		return nil, err
	}
	return &mmsgSocket{file, file.Fd()}, nil // Fd makes it blocking
}

// receive waits for datagrams and returns how many of m it filled. After
// [interrupt] it does not wait.
func (s *mmsgSocket) receive(m []mmsg.Message) (n int, err error) {
	for {
		n, err = mmsg.Receive(s.fd, m, 0)
		if err != unix.EAGAIN && err != unix.EINTR { //nolint:errorlint // numbers of the system
			return n, err
		}
	}
}

// send waits for room and returns how many of m were taken. An error is about
// the first.
func (s *mmsgSocket) send(m []mmsg.Message) (n int, err error) {
	for {
		n, err = mmsg.Send(s.fd, m)
		if err != unix.EAGAIN && err != unix.EINTR { //nolint:errorlint // numbers of the system
			return n, err
		}
	}
}

// interrupt ends all waits for datagrams on socket. Shutting down a socket
// without a peer is refused, and does it all the same.
func interrupt(socket *net.UDPConn) error {
	return control(socket, func(fd int) error {
		if err := unix.Shutdown(fd, unix.SHUT_RDWR); err != unix.ENOTCONN {
			return err
		}
		return nil
	})
}

// configure sets a socket up: bursts are buffered, and on a socket of several
// addresses each datagram tells which one it was sent to.
func configure(socket *net.UDPConn, log *slog.Logger) error {
	several := socket.LocalAddr().(*net.UDPAddr).IP.IsUnspecified()
	return control(socket, func(fd int) error {
		err := growReceiveBuffer(fd, log)
		if several {
			err = errors.Join(err, tellDestination(fd))
		}
		return err
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
		log.Warn("coap: the receive buffer is small and bursts may be lost: raise net.core.rmem_max",
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
