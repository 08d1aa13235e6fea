package lossy

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// client is one device as the link sees it.
type client struct {
	address netip.AddrPort
	conn    *net.UDPConn // towards the server
	last    time.Time    // of its last datagram; guarded by table.mu
}

// table holds the clients.
type table struct {
	limit int

	mu      sync.Mutex
	clients map[netip.AddrPort]*client
	evicted uint64
	closed  bool
}

// get returns the client at address and whether it was known before.
func (t *table) get(address netip.AddrPort) (c *client, known bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, false, net.ErrClosed
	}
	if c, known = t.clients[address]; !known {
		if c, err = t.add(address); err != nil {
			return nil, false, err
		}
	}
	c.last = time.Now()
	return c, known, nil
}

func (t *table) add(address netip.AddrPort) (*client, error) {
	if len(t.clients) >= t.limit {
		t.evict()
	}
	conn, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return nil, fmt.Errorf("open a socket towards the server for client %v: %w", address, err)
	}
	c := &client{address: address, conn: conn}
	t.clients[address] = c
	return c, nil
}

// evict forgets the client that was idle for longest.
func (t *table) evict() {
	var oldest *client
	for _, c := range t.clients {
		if oldest == nil || c.last.Before(oldest.last) {
			oldest = c
		}
	}
	delete(t.clients, oldest.address)
	_ = oldest.conn.Close() // it only ends the client's reader
	t.evicted++
}

// close ends all clients' readers; no client is added after it.
func (t *table) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, c := range t.clients {
		_ = c.conn.Close() // it only ends the client's reader
	}
}

func (t *table) stats() (clients int, evicted uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.clients), t.evicted
}
