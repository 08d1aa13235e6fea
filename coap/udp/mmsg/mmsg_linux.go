package mmsg

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Message is struct mmsghdr: a datagram to be sent or received.
type Message struct {
	Header unix.Msghdr
	Length uint32 // bytes received
}

// Receive fills messages of m and returns how many. It waits for the first,
// unless flags say MSG_DONTWAIT. It fails with EAGAIN where nothing is there, as
// after the timeout of the socket, and with EINTR.
func Receive(fd uintptr, m []Message, flags int) (int, error) {
	return call(unix.SYS_RECVMMSG, fd, m, flags|unix.MSG_WAITFORONE)
}

// Send sends messages of m and returns how many were taken. It waits for room.
// An error is about the first of m; EINTR is about none.
func Send(fd uintptr, m []Message) (int, error) { return call(unix.SYS_SENDMMSG, fd, m, 0) }

func call(trap, fd uintptr, m []Message, flags int) (int, error) {
	n, _, errno := unix.RawSyscall6(trap, fd, uintptr(unsafe.Pointer(&m[0])), uintptr(len(m)),
		uintptr(flags|unix.MSG_DONTWAIT), 0, 0)
	if errno == unix.EAGAIN && flags&unix.MSG_DONTWAIT == 0 {
		n, _, errno = unix.Syscall6(trap, fd, uintptr(unsafe.Pointer(&m[0])), uintptr(len(m)),
			uintptr(flags), 0, 0)
	}
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
