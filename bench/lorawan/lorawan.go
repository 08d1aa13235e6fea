package lorawan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"havn/bench"
	"havn/bench/report"
	"havn/gateway"
)

// Benchmark measures how long the gateway takes from the event of an uplink to
// the command of its downlink, through a real broker and as the network server
// sees it, and how much firmware a downlink carries.
type Benchmark struct {
	// Broker is BrokerMosquitto, BrokerEmbedded or the URL of one on this machine,
	// mqtt://127.0.0.1:PORT. Empty: Mosquitto where it is installed, else the
	// embedded one.
	Broker   string
	Duration time.Duration // of the measurement at 100 uplinks/s

	Progress func(line string) // is told of every rate
}

// answerWindow is how long a network server waits for the command that is to
// ride the receive window of an uplink, from the uplink's event on: measured on
// ChirpStack v3 and v4 with their default configuration.
const answerWindow = 85 * time.Millisecond

// uplinkRates are measured one after the other, the lowest first. At 100
// uplinks/s two networks are measured side by side: they give as many samples
// as one in twice the time.
var uplinkRates = []struct {
	perSecond int
	networks  int
	part      float64 // of Duration
}{{1, 1, 0.25}, {100, 2, 1}, {1000, 1, 0.25}}

// firmwareSize is the firmware of the devices, in bytes: more than the longest
// measurement takes them through, at an uplink a second.
const firmwareSize = 256 << 10

// Validate reports what makes no sense.
func (l Benchmark) Validate() error {
	if l.Duration <= 0 || l.Duration > bench.MaxDuration {
		return fmt.Errorf("%w: duration %v: want more than 0, at most %v",
			bench.ErrUsage, l.Duration, bench.MaxDuration)
	}
	return checkBroker(l.Broker)
}

// Run measures. One wrong answer ends it with an error.
func (l Benchmark) Run(ctx context.Context) (*Report, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "gateway-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	r := &Report{Header: report.NewHeader(), WindowMs: milliseconds(answerWindow)}
	if r.Broker, err = l.broker(); err != nil {
		return nil, err
	}
	if r.Goodput, err = goodput(); err != nil {
		return nil, err
	}
	image := bench.Firmware(firmwareSize)
	networks, err := newNetworks(r.Broker, dir, image)
	if err != nil {
		return nil, err
	}
	g, err := open(dir, image, networks)
	if err != nil {
		return nil, err
	}
	parts := []func(context.Context) error{g.Run}
	for _, n := range networks {
		parts = append(parts, n.run)
	}
	measure := func(ctx context.Context) error { return l.measure(ctx, r, networks) }
	return r, bench.Live(ctx, measure, parts...)
}

// open opens a gateway as operators run it, in as many networks.
func open(dir string, image []byte, networks []*network) (*gateway.Gateway, error) {
	if err := bench.Write(dir, image); err != nil {
		return nil, err
	}
	yaml := "admin: {listen: \"\"}\ncoap: {listen: \"\"}\nlorawan:\n  networks:\n"
	for _, n := range networks {
		yaml += n.configuration()
	}
	return bench.Open(dir, yaml, bench.Local(dir))
}

// measure fills r rate by rate.
func (l Benchmark) measure(ctx context.Context, r *Report, networks []*network) error {
	if err := each(networks, func(n *network) error { return n.warm(ctx) }); err != nil {
		return err
	}
	for _, rate := range uplinkRates {
		side := networks[:rate.networks]
		networks = networks[rate.networks:]
		seconds := rate.part * l.Duration.Seconds()
		n := max(1, int(seconds*float64(rate.perSecond)))
		err := each(side, func(net *network) error { return net.measure(ctx, n) })
		if err != nil {
			return err
		}
		row := newUplinkRate(rate.perSecond, side)
		r.Results = append(r.Results, row)
		l.Progress(row.String())
	}
	return nil
}

// each calls do for all networks at once.
func each(networks []*network, do func(*network) error) error {
	errs := make(chan error, len(networks))
	for _, n := range networks {
		go func() { errs <- do(n) }()
	}
	var failed error
	for range networks {
		failed = errors.Join(failed, <-errs)
	}
	return failed
}

// configuration is what the gateway knows of the network.
func (n *network) configuration() string {
	return fmt.Sprintf("    - {name: %[1]q, server: chirpstack-v3, mqtt: {url: %[2]q}, "+
		"application_ids: [%[1]q], application: %[3]s, region: %[4]s}\n",
		n.server.Application(), n.broker.url, bench.Application, siteRegion)
}
