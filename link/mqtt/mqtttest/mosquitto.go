package mqtttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// MosquittoPath is where Debian keeps the broker.
const MosquittoPath = "/usr/sbin/mosquitto"

// mosquittoPoll is how often Mosquitto is asked whether it is up.
const mosquittoPoll = 10 * time.Millisecond

// Mosquitto is Eclipse Mosquitto as a process of its own, on a free port of
// 127.0.0.1, without passwords. Nothing else starts or stops with it.
type Mosquitto struct {
	address string
	config  string
	ready   chan struct{}
}

// NewMosquitto writes a configuration into the folder and chooses a port. It
// fails with fs.ErrNotExist when Mosquitto is not installed.
func NewMosquitto(folder string) (*Mosquitto, error) {
	if _, err := os.Stat(MosquittoPath); err != nil {
		return nil, fmt.Errorf("Mosquitto: %w", err)
	}
	address, err := freeAddress()
	if err != nil {
		return nil, fmt.Errorf("Mosquitto: %w", err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("Mosquitto: %w", err)
	}
	m := &Mosquitto{
		address: address, config: filepath.Join(folder, "mosquitto.conf"), ready: make(chan struct{}),
	}
	text := "listener " + port + " 127.0.0.1\nallow_anonymous true\npersistence false\n" +
		"log_dest none\nset_tcp_nodelay true\n"
	if err := os.WriteFile(m.config, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("Mosquitto: %w", err)
	}
	return m, nil
}

// Ports for Mosquitto, below those that systems give to whoever asks for any:
// one that is free stays free until Mosquitto has it.
const firstPort, lastPort = 10_000, 20_000

// freeAddress finds a port that is free now.
func freeAddress() (address string, err error) {
	for range 100 {
		address = fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(lastPort-firstPort))
		l, taken := net.Listen("tcp4", address)
		if taken == nil {
			return address, l.Close()
		}
		err = taken
	}
	return "", err
}

// URL returns where clients connect to.
func (m *Mosquitto) URL() string { return "mqtt://" + m.address }

// Ready is closed when clients can connect.
func (m *Mosquitto) Ready() <-chan struct{} { return m.ready }

// Run is the life of the process. It ends with ctx, which is no error. Call it
// once.
func (m *Mosquitto) Run(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, MosquittoPath, "-c", m.config)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("Mosquitto: %w", err)
	}
	waiting, stop := context.WithCancel(ctx)
	greeted := make(chan struct{})
	go func() { defer close(greeted); m.greet(waiting) }()
	err := cmd.Wait()
	stop()
	<-greeted
	if ctx.Err() != nil {
		return nil
	}
	return errors.Join(errors.New("Mosquitto has ended by itself"), err)
}

// greet waits until the process listens.
func (m *Mosquitto) greet(ctx context.Context) {
	ticker := time.NewTicker(mosquittoPoll)
	defer ticker.Stop()
	for {
		if conn, err := net.Dial("tcp4", m.address); err == nil {
			_ = conn.Close()
			close(m.ready)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
