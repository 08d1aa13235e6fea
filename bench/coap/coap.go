package coap

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os/exec"
	"time"

	"havn/bench"
	"havn/bench/device"
	"havn/bench/load"
)

// Child makes the command that runs a child: [ServeGateway] for the arguments
// "serve", directory and number of devices; [ServeLimit] for "limit" and the
// size. The process must end with ctx.
type Child func(ctx context.Context, args ...string) *exec.Cmd

// Benchmark measures chunk throughput, latency and cost of a CoAP server, and in
// turns with it the limit of the machine.
type Benchmark struct {
	Mode      string        // device.ModeBlock or device.ModeWrite
	BlockSize int           // bytes of a block, or most bytes of a Write
	Devices   int           // simulated, in lock-step
	Endpoints int           // source addresses; as many as devices when 0
	InFlight  int           // most requests outstanding at a time
	Duration  time.Duration // of each measurement; there are two in each run
	Runs      int           // figures are medians over them
	Size      int           // bytes of the firmware

	URL string // another server and its resource; empty: this gateway
	PID int    // the process of that server, for its CPU time and memory; 0: unknown

	Child    Child
	Progress func(line string) // is told of every run
}

// maxRuns bounds the time of the whole.
const maxRuns = 1000

// Validate reports what makes no sense.
func (c Benchmark) Validate() error {
	switch {
	case c.Mode != device.ModeBlock && c.Mode != device.ModeWrite:
		return fmt.Errorf("%w: mode %q: want block or write", bench.ErrUsage, c.Mode)
	case c.BlockSize < 1 || c.BlockSize > 1024:
		return fmt.Errorf("%w: block size %d: want 16, 32, 64 ... 1024", bench.ErrUsage, c.BlockSize)
	case c.Devices < 1 || max(c.Devices, c.Endpoints) > load.MaxPeers:
		return fmt.Errorf("%w: %d devices, %d endpoints: want 1 to %d",
			bench.ErrUsage, c.Devices, c.Endpoints, load.MaxPeers)
	case c.InFlight < 1 || c.InFlight > load.MaxPeers:
		return fmt.Errorf("%w: %d in flight: want 1 to %d", bench.ErrUsage, c.InFlight, load.MaxPeers)
	case c.Duration <= 0 || c.Duration > bench.MaxDuration:
		return fmt.Errorf("%w: duration %v: want up to %v", bench.ErrUsage, c.Duration, bench.MaxDuration)
	case c.Runs < 1 || c.Runs > maxRuns:
		return fmt.Errorf("%w: %d runs: want 1 to %d", bench.ErrUsage, c.Runs, maxRuns)
	case c.Size < 1 || c.Size > bench.MaxSize:
		return fmt.Errorf("%w: firmware of %d bytes: want 1 to %d", bench.ErrUsage, c.Size, bench.MaxSize)
	}
	return c.validateURL()
}

func (c Benchmark) validateURL() error {
	switch {
	case c.URL == "" && c.PID != 0:
		return fmt.Errorf("%w: a PID without the URL of its server", bench.ErrUsage)
	case c.URL == "":
		return nil
	case c.Mode == device.ModeWrite:
		return fmt.Errorf("%w: write mode is for this gateway, other servers serve blocks", bench.ErrUsage)
	}
	_, _, err := c.target()
	return err
}

// target returns address and resource of the URL.
func (c Benchmark) target() (netip.AddrPort, load.Resource, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "coap" || u.Hostname() == "" || len(u.Path) < 2 {
		return netip.AddrPort{}, load.Resource{}, fmt.Errorf(
			"%w: URL %q: want coap://127.0.0.1:PORT/PATH", bench.ErrUsage, c.URL)
	}
	port := u.Port()
	if port == "" {
		port = "5683"
	}
	found, err := net.ResolveUDPAddr("udp4", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return netip.AddrPort{}, load.Resource{}, fmt.Errorf("%w: URL %q: %w", bench.ErrUsage, c.URL, err)
	}
	addr := found.AddrPort()
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	if !addr.Addr().IsLoopback() {
		return addr, load.Resource{}, fmt.Errorf("%w: URL %q: only servers on this machine are loaded, "+
			"at 127.0.0.1", bench.ErrUsage, c.URL)
	}
	return addr, load.ParseResource(u), nil
}

// peers is how many transfers run side by side: a device with several endpoints
// has one on each, devices behind one endpoint have one each.
func (c Benchmark) peers() int { return max(c.Devices, c.Endpoints) }

// endpoints returns the number of source addresses.
func (c Benchmark) endpoints() int {
	if c.Endpoints > 0 {
		return c.Endpoints
	}
	return c.Devices
}
