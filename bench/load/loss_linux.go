package load

import (
	"context"
	"fmt"
	"math"
	"time"
)

// sweepEvery is how often lost requests are looked for, in nanoseconds.
const sweepEvery = int64(5 * time.Millisecond)

// sweep sends what was lost again. It fails when ctx has ended or the server
// has long been silent.
func (g *Generator) sweep(ctx context.Context, now int64) error {
	g.swept = now
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if quiet := time.Duration(now - g.answered); quiet > silence*g.cfg.Timeout {
		return fmt.Errorf("%w: %v without an answer from %v, %d requests outstanding",
			ErrSilent, quiet.Round(time.Millisecond), g.cfg.Target, len(g.flying))
	}
	g.outgoing = g.outgoing[:0]
	for _, id := range g.flying {
		if p := &g.peers[id]; len(g.outgoing) < batchSize && g.overdue(p, now) {
			g.lose(p)
			g.outgoing = append(g.outgoing, id)
		}
	}
	return g.send()
}

func (g *Generator) overdue(p *Peer, now int64) bool { return now-p.sent > int64(g.cfg.Timeout) }

func (g *Generator) lose(p *Peer) {
	g.total.lost++
	p.late += min(1, math.MaxUint8-p.late)
}

// drain waits for what is outstanding; what does not come in time is lost.
func (g *Generator) drain(ctx context.Context) error {
	for len(g.flying) > 0 {
		now := g.now()
		if err := g.receive(now); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		for i := len(g.flying) - 1; i >= 0; i-- {
			if p := &g.peers[g.flying[i]]; g.overdue(p, now) {
				g.lose(p)
				g.land(p)
			}
		}
	}
	return nil
}
