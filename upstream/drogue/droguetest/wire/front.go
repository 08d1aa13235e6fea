package wire

import (
	"maps"
	"net"
	"sync"
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

// Front is the listener of one interface. Its methods may be called concurrently.
type Front struct {
	net.Listener

	mu       sync.Mutex
	changed  *sync.Cond // of mode
	mode     Mode
	counter  Counter
	requests map[string]uint64
	faults   []*Fault
	conns    map[*conn]bool
}

// Listen opens a front on a free port of 127.0.0.1.
func Listen() (*Front, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &Front{Listener: l, requests: map[string]uint64{}, conns: map[*conn]bool{}}
	f.changed = sync.NewCond(&f.mu)
	return f, nil
}

// Set changes how the interface is reached.
func (f *Front) Set(mode Mode) {
	f.mu.Lock()
	f.mode = mode
	f.changed.Broadcast()
	f.mu.Unlock()
	if mode == Away {
		f.drop()
	}
}

// drop ends all connections.
func (f *Front) drop() {
	f.mu.Lock()
	conns := maps.Clone(f.conns)
	f.mu.Unlock()
	for c := range conns {
		c.Close()
	}
}

// Close implements net.Listener. It ends all connections.
func (f *Front) Close() error {
	err := f.Listener.Close()
	f.Set(Up)
	f.drop()
	return err
}

// Counter returns what went through so far.
func (f *Front) Counter() Counter {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.counter
	n.Requests = maps.Clone(f.requests)
	return n
}

// Count counts a request.
func (f *Front) Count(request string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests[request]++
}

// Accept implements net.Listener.
func (f *Front) Accept() (net.Conn, error) {
	for {
		taken, err := f.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := f.admit(taken); c != nil {
			return c, nil
		}
		taken.Close()
	}
}

func (f *Front) admit(taken net.Conn) net.Conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mode == Away {
		return nil
	}
	c := &conn{Conn: taken, front: f}
	f.conns[c] = true
	f.counter.Connections++
	return c
}

// conn is a connection that counts, and stands still while its front hangs.
type conn struct {
	net.Conn
	front  *Front
	closed bool // front.mu guards it
}

// wait returns when the front does not hang, and whether it did.
func (c *conn) wait() (hung bool) {
	c.front.mu.Lock()
	defer c.front.mu.Unlock()
	for c.front.mode == Hang && !c.closed {
		hung = true
		c.front.changed.Wait()
	}
	return hung
}

// Read implements net.Conn. Bytes that came before a hang are lost in it.
func (c *conn) Read(p []byte) (int, error) {
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
func (c *conn) Write(p []byte) (int, error) {
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
func (c *conn) Close() error {
	c.front.mu.Lock()
	delete(c.front.conns, c)
	c.closed = true
	c.front.changed.Broadcast()
	c.front.mu.Unlock()
	return c.Conn.Close()
}
