package upstream

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"havn/bench"
	"havn/bench/backend"
)

// Traffic is bytes of payload in TCP connections: without TCP, IP and TLS.
type Traffic struct {
	Up   uint64 `json:"up_bytes"`   // towards the server
	Down uint64 `json:"down_bytes"` // from it
}

func (t Traffic) plus(o Traffic) Traffic  { return Traffic{t.Up + o.Up, t.Down + o.Down} }
func (t Traffic) minus(o Traffic) Traffic { return Traffic{t.Up - o.Up, t.Down - o.Down} }

// meter is a relay of TCP connections to one server that counts their bytes. A
// byte is counted before it goes on.
type meter struct {
	listener net.Listener
	server   string // HOST:PORT
	up, down atomic.Uint64
}

// meters are the relays to all servers.
type meters map[backend.Server]*meter

// add makes a meter before a server, and returns its address in place of the
// server's.
func (all meters) add(name backend.Server, server string) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	all[name] = &meter{listener: listener, server: server}
	return all.front(name), nil
}

// front returns the address of a meter in place of its server's.
func (all meters) front(name backend.Server) string { return all[name].listener.Addr().String() }

// close releases meters that were not run.
func (all meters) close() {
	for _, m := range all {
		_ = m.listener.Close()
	}
}

// during relays as long as do takes. When a relay fails, the context of do ends.
func (all meters) during(ctx context.Context, do func(context.Context) error) error {
	var parts []func(context.Context) error
	for _, m := range all {
		parts = append(parts, m.run)
	}
	return bench.Live(ctx, do, parts...)
}

// traffic returns what went through each so far.
func (all meters) traffic() map[backend.Server]Traffic {
	counted := map[backend.Server]Traffic{}
	for name, m := range all {
		counted[name] = m.traffic()
	}
	return counted
}

func (m *meter) traffic() Traffic { return Traffic{m.up.Load(), m.down.Load()} }

// drain is how long connections may take to end by themselves.
const drain = time.Second

// run relays until ctx ends. It returns when all connections have ended.
func (m *meter) run(ctx context.Context) error {
	defer m.listener.Close()
	defer context.AfterFunc(ctx, func() { _ = m.listener.Close() })()
	var relays sync.WaitGroup
	defer relays.Wait()
	for {
		conn, err := m.listener.Accept()
		if err != nil && ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("relay to %s: %w", m.server, err)
		}
		relays.Go(func() { m.relay(ctx, conn.(*net.TCPConn)) })
	}
}

// relay carries one connection. Either side may end its own direction first.
func (m *meter) relay(ctx context.Context, client *net.TCPConn) {
	defer client.Close()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", m.server)
	if err != nil {
		return // the client sees its connection end
	}
	defer conn.Close()
	server := conn.(*net.TCPConn)
	defer context.AfterFunc(ctx, func() {
		late := time.Now().Add(drain)
		_, _ = client.SetDeadline(late), server.SetDeadline(late)
	})()
	var both errgroup.Group
	both.Go(func() error { return pass(server, client, &m.up) })
	both.Go(func() error { return pass(client, server, &m.down) })
	_ = both.Wait() // how a connection ends is no matter of the relay
}

// pass copies one direction to its end, and ends it on the other side.
func pass(to, from *net.TCPConn, counter *atomic.Uint64) error {
	_, err := io.Copy(counted{to, counter}, from)
	_ = to.CloseWrite()
	return err
}

// counted is a writer that counts what it is about to write.
type counted struct {
	io.Writer
	counter *atomic.Uint64
}

// Write implements io.Writer.
func (c counted) Write(p []byte) (int, error) {
	c.counter.Add(uint64(len(p)))
	return c.Writer.Write(p)
}
