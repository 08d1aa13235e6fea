package droguetest

import (
	"maps"
	"net"
	"sync"
)

// Kind is one of the interfaces of Drogue Cloud.
type Kind string

// The interfaces.
const (
	Registry    Kind = "registry"    // device registry, REST
	HTTP        Kind = "http"        // HTTP endpoint of devices
	MQTT        Kind = "mqtt"        // MQTT endpoint of devices
	Integration Kind = "integration" // MQTT integration of applications
)

// Mode is how an interface is reached.
type Mode int

// The modes.
const (
	Up   Mode = iota
	Away      // connections are ended, new ones too
	Hang      // nothing is read, nothing gets out
)

// Counter is what went through one interface.
type Counter struct {
	Connections uint64
	Received    uint64            // bytes
	Sent        uint64            // bytes
	Requests    map[string]uint64 // by method and route, or by MQTT packet
}

// Total returns the number of all requests.
func (c Counter) Total() (n uint64) {
	for _, requests := range c.Requests {
		n += requests
	}
	return n
}

// Set changes how an interface is reached.
func (c *Cloud) Set(kind Kind, mode Mode) { c.fronts[kind].set(mode) }

// Counters returns what went through an interface so far.
func (c *Cloud) Counters(kind Kind) Counter {
	f := c.fronts[kind]
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.counter
	n.Requests = maps.Clone(f.requests)
	return n
}

// front is the listener of one interface.
type front struct {
	net.Listener

	mu       sync.Mutex
	changed  *sync.Cond // of mode
	mode     Mode
	counter  Counter
	requests map[string]uint64
	faults   []*Fault
	conns    map[*frontConn]bool
}

func (f *front) set(mode Mode) {
	f.mu.Lock()
	f.mode = mode
	f.changed.Broadcast()
	f.mu.Unlock()
	if mode == Away {
		f.drop()
	}
}

// drop ends all connections.
func (f *front) drop() {
	f.mu.Lock()
	conns := maps.Clone(f.conns)
	f.mu.Unlock()
	for conn := range conns {
		conn.Close()
	}
}

func (f *front) close() {
	f.Listener.Close()
	f.set(Up)
	f.drop()
}

func (f *front) count(request string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests[request]++
}

// Accept implements net.Listener.
func (f *front) Accept() (net.Conn, error) {
	for {
		conn, err := f.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := f.admit(conn); c != nil {
			return c, nil
		}
		conn.Close()
	}
}

func (f *front) admit(conn net.Conn) net.Conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mode == Away {
		return nil
	}
	c := &frontConn{Conn: conn, front: f}
	f.conns[c] = true
	f.counter.Connections++
	return c
}

// frontConn is a connection that counts, and stands still while its front hangs.
type frontConn struct {
	net.Conn
	front  *front
	closed bool // front.mu guards it
}

// wait returns when the front does not hang, and whether it did.
func (c *frontConn) wait() (hung bool) {
	c.front.mu.Lock()
	defer c.front.mu.Unlock()
	for c.front.mode == Hang && !c.closed {
		hung = true
		c.front.changed.Wait()
	}
	return hung
}

// Read implements net.Conn. Bytes that came before a hang are lost in it.
func (c *frontConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.front.mu.Lock()
	c.front.counter.Received += uint64(n)
	c.front.mu.Unlock()
	if c.wait() {
		c.Conn.Close() // what comes now has no use any more
		return 0, net.ErrClosed
	}
	return n, err
}

// Write implements net.Conn. What is written while the front hangs is lost.
func (c *frontConn) Write(p []byte) (int, error) {
	c.front.mu.Lock()
	hangs := c.front.mode == Hang
	if !hangs {
		c.front.counter.Sent += uint64(len(p))
	}
	c.front.mu.Unlock()
	if hangs {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// Close implements net.Conn.
func (c *frontConn) Close() error {
	c.front.mu.Lock()
	delete(c.front.conns, c)
	c.closed = true
	c.front.changed.Broadcast()
	c.front.mu.Unlock()
	return c.Conn.Close()
}
