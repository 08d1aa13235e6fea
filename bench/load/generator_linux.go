package load

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"
)

// maxRequest is the longest request, in bytes.
const maxRequest = 512

// Generator asks one server on behalf of many peers. Its methods are called by
// one goroutine at a time. From run to run its peers go on where they were.
type Generator struct {
	cfg     Config
	fd      int
	target  unix.RawSockaddrInet4
	in, out *batch
	sources sources
	start   time.Time

	peers    []Peer
	ready    queue   // of peers that may ask
	flying   []int32 // peers that wait for an answer
	outgoing []int32 // peers of the batch being sent

	total    counts
	latency  *hdrhistogram.Histogram
	answered int64 // when the last answer came
	swept    int64 // when lost requests were last looked for
}

// counts only ever grow.
type counts struct {
	blocks, bytes, lost, late, stray uint64
	size                             int // the longest answer
}

// New opens a generator's socket. It sends nothing.
func New(cfg Config) (*Generator, error) {
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	fd, err := openSocket([4]byte{}) // any: the peers' addresses are chosen per datagram
	if err != nil {
		return nil, err
	}
	g := &Generator{
		cfg: cfg, fd: fd, target: rawAddress(cfg.Target), start: time.Now(),
		in: newBatch(), out: newBatch(),
		peers: make([]Peer, cfg.Peers), ready: newQueue(cfg.Peers),
		flying:   make([]int32, 0, min(cfg.InFlight, cfg.Peers)),
		outgoing: make([]int32, 0, batchSize),
		latency:  NewHistogram(),
	}
	g.sources.attach(g.out)
	for i := range g.out.addresses {
		g.out.addresses[i] = g.target
	}
	for i := range g.peers {
		g.peers[i] = Peer{ID: uint32(i), mid: uint16(rand.Uint32()), slot: idle}
		g.ready.push(int32(i))
	}
	return g, nil
}

// Close closes the socket.
func (g *Generator) Close() error { return unix.Close(g.fd) }

// now is the time since the generator was made, in nanoseconds.
func (g *Generator) now() int64 { return int64(time.Since(g.start)) }

// Run asks for the time of w, then waits for what is outstanding. It fails with
// ErrWrong or ErrSilent, and when ctx ends.
func (g *Generator) Run(ctx context.Context, w Window) (Result, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	release, err := Pin(g.cfg.CPU)
	if err != nil {
		return Result{}, err
	}
	defer release()
	g.answered = g.now()
	began := g.total
	if err := g.until(ctx, g.now()+int64(w.Warmup)); err != nil {
		return Result{}, err
	}
	r, err := g.measure(ctx, w)
	if err == nil {
		err = g.drain(ctx)
	}
	r.Answered, r.Size = g.total.blocks-began.blocks, g.total.size
	r.Lost, r.Late = g.total.lost-began.lost, g.total.late-began.late
	r.Stray = g.total.stray - began.stray
	return r, err
}

// measure is the part of a run that counts. On a machine that is too crowded for
// a single answer it goes on until there is one.
func (g *Generator) measure(ctx context.Context, w Window) (Result, error) {
	cpu := w.CPU
	if cpu == nil {
		cpu = func() (time.Duration, error) { return 0, nil }
	}
	g.latency.Reset()
	before, began := g.total, g.now()
	used, err := cpu()
	if err != nil {
		return Result{}, err
	}
	for more := true; more; more = g.total.blocks == before.blocks {
		if err := g.until(ctx, g.now()+int64(w.Measure)); err != nil {
			return Result{}, err
		}
	}
	ended, err := cpu()
	return Result{
		Blocks: g.total.blocks - before.blocks, Bytes: g.total.bytes - before.bytes,
		Elapsed: time.Duration(g.now() - began), CPU: ended - used,
		Latency: hdrhistogram.Import(g.latency.Export()),
	}, err
}

// until keeps as many requests in flight as allowed, up to the deadline.
func (g *Generator) until(ctx context.Context, deadline int64) error {
	for now := g.now(); now < deadline; now = g.now() {
		if err := g.receive(now); err != nil {
			return err
		}
		if err := g.fill(); err != nil {
			return err
		}
		if now-g.swept < sweepEvery {
			continue
		}
		if err := g.sweep(ctx, now); err != nil {
			return err
		}
	}
	return nil
}

// fill sends requests of peers that are ready, one batch at most.
func (g *Generator) fill() error {
	room := min(cap(g.flying)-len(g.flying), g.ready.n, batchSize)
	g.outgoing = g.outgoing[:0]
	for range room {
		id := g.ready.pop()
		g.peers[id].slot = int32(len(g.flying))
		g.flying = append(g.flying, id)
		g.outgoing = append(g.outgoing, id)
	}
	return g.send()
}

// send sends the requests of the outgoing peers. Their time starts when all are
// written: what the generator takes for that is not the server's.
func (g *Generator) send() error {
	for i, id := range g.outgoing {
		p := &g.peers[id]
		b := g.cfg.Transfer.AppendRequest(p.appendHead(g.out.buffers[i][:0:maxRequest]), p)
		g.out.set(i, b)
		g.sources[i].info.Spec_dst = endpoint(p.ID % uint32(g.cfg.Endpoints))
	}
	now := g.now()
	for _, id := range g.outgoing {
		g.peers[id].sent = now
	}
	if err := g.out.send(g.fd, len(g.outgoing)); err != nil {
		return fmt.Errorf("send to %v: %w", g.cfg.Target, err)
	}
	return nil
}

// receive takes the answers that are here, one batch at most.
func (g *Generator) receive(now int64) error {
	n, err := g.in.receive(g.fd, unix.MSG_DONTWAIT)
	if err != nil {
		return fmt.Errorf("receive from %v: %w", g.cfg.Target, err)
	}
	if n > 0 {
		now = g.now()
	}
	for i := range n {
		if a := &g.in.addresses[i]; a.Addr != g.target.Addr || a.Port != g.target.Port {
			g.total.stray++
			continue
		}
		datagram, whole := g.in.datagram(i)
		if err := g.take(datagram, now); err != nil {
			return err
		}
		if !whole {
			return wrong("an answer of more than %d bytes", maxDatagram)
		}
	}
	return nil
}

// take judges one answer and makes its peer ready for the next request.
func (g *Generator) take(datagram []byte, now int64) error {
	if len(datagram) < headSize {
		return wrong("% x is no response with the token of a request", datagram)
	}
	mid, id := binary.BigEndian.Uint16(datagram[2:]), binary.BigEndian.Uint32(datagram[headerSize:])
	if int(id) >= len(g.peers) {
		return wrong("token %08x is nobody's", id)
	}
	p := &g.peers[id]
	if p.slot == idle || mid != p.mid {
		return g.unexpected(p, mid)
	}
	offset := p.Offset
	n, err := g.cfg.Transfer.Check(p, datagram)
	if err != nil {
		return fmt.Errorf("device %d at offset %d: %w", p.ID, offset, err)
	}
	g.total.blocks++
	g.total.bytes += uint64(n)
	g.total.size = max(g.total.size, len(datagram))
	g.answered = now
	_ = g.latency.RecordValue(min(max(now-p.sent, minLatency), maxLatency))
	g.land(p)
	return nil
}

// unexpected judges an answer to another request than the one under way: right
// only if a request of this peer was sent twice.
func (g *Generator) unexpected(p *Peer, mid uint16) error {
	if p.late == 0 || int16(mid-p.mid) >= 0 {
		return wrong("device %d: message ID %d, the request had %d", p.ID, mid, p.mid)
	}
	p.late--
	g.total.late++
	return nil
}

// land takes p out of flight: its next request is a new one.
func (g *Generator) land(p *Peer) {
	last := len(g.flying) - 1
	moved := g.flying[last]
	g.flying[p.slot] = moved
	g.peers[moved].slot = p.slot
	g.flying = g.flying[:last]
	p.slot = idle
	p.mid++
	g.ready.push(int32(p.ID))
}
