package lossy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Defaults of Config.
const (
	DefaultMaxClients = 1024
	DefaultMaxQueued  = 65536
)

// maxDatagram is the largest datagram that is relayed, in bytes: more than
// twice what CoAP should send. Each client costs one such buffer.
const maxDatagram = 4096

// Config describes a link. Its zero value is a perfect one.
type Config struct {
	Up, Down   Path   // clients to server, server to clients
	Seed       uint64 // of all decisions: equal seeds and traffic, equal fates
	MaxClients int    // the longest idle one makes room; DefaultMaxClients when 0
	MaxQueued  int    // delayed datagrams, more are dropped; DefaultMaxQueued when 0
}

// Stats is what has happened on a link.
type Stats struct {
	Up, Down PathStats
	Clients  int    // clients known now
	Evicted  uint64 // clients forgotten to make room
	Stray    uint64 // datagrams to an upstream socket that are not from the server
}

// Link relays datagrams. Its methods may be called concurrently.
type Link struct {
	conn    *net.UDPConn
	target  atomic.Pointer[netip.AddrPort]
	up      dice
	down    dice
	queue   queue
	table   table
	stray   atomic.Uint64
	readers *errgroup.Group // of Run
}

// Listen opens the link's socket on a free port of 127.0.0.1 and drops what
// arrives until Run. The caller must call Run, which closes the socket.
func Listen(cfg Config, target netip.AddrPort) (*Link, error) {
	if err := errors.Join(cfg.Up.validate(), cfg.Down.validate()); err != nil {
		return nil, fmt.Errorf("link: %w", err)
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("link: open the clients' socket: %w", err)
	}
	l := &Link{
		conn:  conn,
		up:    dice{path: cfg.Up, rnd: rand.New(rand.NewPCG(cfg.Seed, 0))},
		down:  dice{path: cfg.Down, rnd: rand.New(rand.NewPCG(cfg.Seed, 1))},
		queue: queue{limit: orDefault(cfg.MaxQueued, DefaultMaxQueued), wake: make(chan struct{}, 1)},
		table: table{
			limit:   orDefault(cfg.MaxClients, DefaultMaxClients),
			clients: make(map[netip.AddrPort]*client),
		},
	}
	l.SetTarget(target)
	return l, nil
}

func orDefault(n, standard int) int {
	if n > 0 {
		return n
	}
	return standard
}

// Addr is where clients send to.
func (l *Link) Addr() netip.AddrPort { return l.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// SetTarget moves the server: datagrams still on their way go to the new
// address, replies of the old one are stray. It must be an IPv4 address.
func (l *Link) SetTarget(target netip.AddrPort) {
	target = unmap(target)
	l.target.Store(&target)
}

// Stats returns the counters so far.
func (l *Link) Stats() Stats {
	clients, evicted := l.table.stats()
	return Stats{
		Up: l.up.stats(), Down: l.down.stats(),
		Clients: clients, Evicted: evicted, Stray: l.stray.Load(),
	}
}

// Run relays until ctx ends, which is no error, or until the clients' socket
// fails. It closes all sockets; what is still queued is gone. Call it once.
func (l *Link) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	l.readers = group
	group.Go(func() error { return l.readClients(ctx) })
	group.Go(func() error { l.queue.run(ctx, l.deliver); return nil })
	group.Go(func() error {
		<-ctx.Done()
		l.table.close()
		return l.conn.Close()
	})
	if err := group.Wait(); err != nil {
		return fmt.Errorf("link %v: %w", l.Addr(), err)
	}
	return nil
}

// readClients takes datagrams from clients and sends them up.
func (l *Link) readClients(ctx context.Context) error {
	buf := make([]byte, maxDatagram+1)
	for {
		err := l.readClient(buf)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (l *Link) readClient(buf []byte) error {
	n, from, err := l.conn.ReadFromUDPAddrPort(buf)
	if err != nil {
		return fmt.Errorf("read from the clients: %w", err)
	}
	c, err := l.client(unmap(from))
	if err != nil {
		return err
	}
	l.relay(&l.up, packet{data: buf[:n], to: c})
	return nil
}

// client returns the client at address and starts to listen for it when it is new.
func (l *Link) client(address netip.AddrPort) (*client, error) {
	c, known, err := l.table.get(address)
	if err != nil || known {
		return c, err
	}
	l.readers.Go(func() error { l.readServer(c); return nil })
	return c, nil
}

// readServer takes the server's datagrams for one client and sends them down,
// until the client's socket is closed.
func (l *Link) readServer(c *client) {
	buf := make([]byte, maxDatagram+1)
	for {
		n, from, err := c.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if unmap(from) != *l.target.Load() {
			l.stray.Add(1)
			continue
		}
		l.relay(&l.down, packet{data: buf[:n], to: c, down: true})
	}
}

// relay decides about p, whose data is the caller's, and delivers or queues
// its copies.
func (l *Link) relay(path *dice, p packet) {
	fate, n := path.throw()
	if len(p.data) > maxDatagram { // the rest of it was cut off
		path.dropped.Add(uint64(n))
		return
	}
	for _, delay := range fate[:n] {
		if delay == 0 {
			l.deliver(p)
			continue
		}
		later := p
		later.due = time.Now().Add(delay)
		later.data = append([]byte(nil), p.data...)
		if !l.queue.push(later) {
			path.dropped.Add(1)
		}
	}
}

func (l *Link) deliver(p packet) {
	if p.down {
		_, err := l.conn.WriteToUDPAddrPort(p.data, p.to.address)
		l.down.count(err)
		return
	}
	_, err := p.to.conn.WriteToUDPAddrPort(p.data, *l.target.Load())
	l.up.count(err)
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
