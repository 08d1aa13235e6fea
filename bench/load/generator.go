package load

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Config sets a generator up.
type Config struct {
	Target    netip.AddrPort // in 127.0.0.0/8
	Transfer  Transfer
	Peers     int           // devices in lock-step
	Endpoints int           // source addresses; peer i uses the i-th, modulo their number
	InFlight  int           // most requests outstanding at a time
	Timeout   time.Duration // after which a request is lost; DefaultTimeout when 0
	CPU       int           // on which the generator runs; negative: any
}

// DefaultTimeout is when a request is lost: a hundred times what an answer
// from memory takes on a crowded machine.
const DefaultTimeout = time.Second

// silence is how many timeouts without any answer end a run.
const silence = 5

func (c Config) validate() error {
	switch {
	case !c.Target.Addr().Is4() || !c.Target.Addr().IsLoopback():
		return fmt.Errorf("server %v: want an address in 127.0.0.0/8, since load is for "+
			"this machine only", c.Target)
	case c.Peers < 1 || c.Peers > MaxPeers:
		return fmt.Errorf("%d devices: want 1 to %d", c.Peers, MaxPeers)
	case c.Endpoints < 1 || c.Endpoints > MaxPeers:
		return fmt.Errorf("%d endpoints: want 1 to %d", c.Endpoints, MaxPeers)
	case c.InFlight < 1 || c.InFlight > MaxPeers:
		return fmt.Errorf("%d requests in flight: want 1 to %d", c.InFlight, MaxPeers)
	}
	return nil
}

// Window is the time of a run.
type Window struct {
	Warmup  time.Duration // not measured
	Measure time.Duration
	// CPU reads the CPU time that the server has used; nil where it is unknown.
	CPU func() (time.Duration, error)
}

// Result is what a run measured.
type Result struct {
	Blocks  uint64        // answers checked and found right
	Bytes   uint64        // of firmware in them
	Elapsed time.Duration // time in which they came
	CPU     time.Duration // that the server used in that time
	// Latency is from the send of a request to the receipt of its answer, in
	// nanoseconds, for the requests that were not lost.
	Latency *hdrhistogram.Histogram

	Answered uint64 // answers in the whole run, warm-up and end included
	Size     int    // bytes of the longest of them
	Lost     uint64 // requests unanswered in time, in the whole run
	Late     uint64 // answers that came after their request was lost
	Stray    uint64 // datagrams that are not from the server
}

// Bounds of the histogram, in nanoseconds, with three digits between.
const (
	minLatency = 100
	maxLatency = int64(time.Minute)
	digits     = 3
)

// NewHistogram returns a histogram for the latencies of a Result.
func NewHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(minLatency, maxLatency, digits)
}
