//go:build !linux

package udp

import (
	"errors"
	"log/slog"
	"net"
	"syscall"
	"time"
)

// sharing says that several sockets can share a port: not in a way that is the
// same on all these systems.
const sharing = false

func share(*net.UDPConn) error { return nil }

func controlShare(_, _ string, _ syscall.RawConn) error { return nil }

func interrupt(*net.UDPConn) error { return nil } // Close does

func configure(socket *net.UDPConn, _ *slog.Logger) error {
	return socket.SetReadBuffer(receiveBuffer)
}

// serve answers the datagrams of socket, one at a time, until it is closed.
func (s *Server) serve(socket *net.UDPConn) error {
	request, reply := make([]byte, MaxDatagram+1), make([]byte, 0, MaxReply)
	for {
		n, from, err := socket.ReadFromUDPAddrPort(request)
		if errors.Is(err, net.ErrClosed) {
			return nil
		} else if err != nil {
			return err
		}
		peer := Peer{from, time.Now()}
		if reply = reply[:0]; n > MaxDatagram {
			reply = s.handler.Truncated(reply, request[:MaxDatagram], peer)
		} else {
			reply = s.handler.Handle(reply, request[:n], peer)
		}
		if len(reply) == 0 {
			continue
		}
		if _, err := socket.WriteToUDPAddrPort(reply, from); err != nil {
			s.Unsent.Add(1)
		}
		s.handler.Answered(1, time.Since(peer.Received))
	}
}
