package drogue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
)

// backoff returns how long to wait before the next connection.
func (s *session) backoff(int) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails == 0 {
		return 0
	}
	return delay(s.fails)
}

func (s *session) up(with *conns, _ *paho.Connack) {
	s.mu.Lock()
	s.conns, s.since, s.cause = with, time.Now(), nil
	s.alive, s.end = context.WithCancel(context.Background())
	s.mu.Unlock()
	if s.serial.Add(1) > 1 {
		s.reconnects.Add(1)
	}
	s.log.Info(s.name+" is connected", slog.String("url", s.url.String()))
	s.poke()
}

func (s *session) down() bool {
	s.mu.Lock()
	if s.fails++; time.Since(s.since) > stable {
		s.fails = 1
	}
	s.end()
	if s.alive = nil; s.cause == nil {
		s.cause = errLost
	}
	s.mu.Unlock()
	s.log.Warn(s.name+" is disconnected; what is to be sent waits", slog.String("url", s.url.String()))
	s.lost()
	return true
}

// close ends what still waits for an answer.
func (s *session) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause = errClosed; s.alive != nil {
		s.end()
		s.alive = nil
	}
}

// disconnected is told the server's reason to end the connection.
func (s *session) disconnected(d *paho.Disconnect) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cause = fmt.Errorf("the server ended the connection, reason %#x", d.ReasonCode)
	if d.ReasonCode != packets.DisconnectSessionTakenOver {
		return
	}
	s.takeovers.Add(1)
	s.fails = max(s.fails, takenOver)
	s.cause = errors.New("another client connected with the same identity: " +
		"every gateway needs a gateway device or account of its own")
	s.log.Error(s.name+" was taken over", slog.Any("error", s.cause))
}

// failed is told why a connection could not be made.
func (s *session) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var refused *autopaho.ConnackError
	if errors.As(err, &refused) && refused.ReasonCode == packets.ConnackBadUsernameOrPassword {
		err = errors.New("the server does not accept our account: check user, device, application " +
			"and password (it says so too while another client with the same identity is connected)")
	}
	s.fails++
	if s.cause == nil || s.cause.Error() != err.Error() {
		s.log.Warn(s.name+" cannot be connected; tried again", slog.Any("error", err))
	}
	s.cause = err
}
