package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"havn/gateway"
	"havn/gateway/config"
	"havn/lorawan"
)

// LoRaWAN measures how long the gateway takes from the event of an uplink to
// the command of its downlink, through a real broker and as the network server
// sees it, and how much firmware a downlink carries.
type LoRaWAN struct {
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

// loraFirmware is the firmware of the devices, in bytes: more than the longest
// measurement takes them through, at an uplink a second.
const loraFirmware = 256 << 10

// Validate reports what makes no sense.
func (l LoRaWAN) Validate() error {
	if l.Duration <= 0 || l.Duration > maxDuration {
		return fmt.Errorf("%w: duration %v: want more than 0, at most %v",
			ErrUsage, l.Duration, maxDuration)
	}
	return checkBroker(l.Broker)
}

// Run measures. One wrong answer ends it with an error.
func (l LoRaWAN) Run(ctx context.Context) (*LoRaWANReport, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "gateway-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	r := &LoRaWANReport{Header: newHeader(), WindowMs: milliseconds(answerWindow)}
	if r.Broker, err = l.broker(); err != nil {
		return nil, err
	}
	if r.Goodput, err = goodput(); err != nil {
		return nil, err
	}
	image := madeUp(loraFirmware)
	networks, err := newLoRaNetworks(r.Broker, dir, image)
	if err != nil {
		return nil, err
	}
	g, err := loraGateway(dir, image, networks)
	if err != nil {
		return nil, err
	}
	return r, l.live(ctx, r, g, networks)
}

// loraGateway opens a gateway as operators run it, in as many networks.
func loraGateway(dir string, image []byte, networks []*loraNetwork) (*gateway.Gateway, error) {
	path := filepath.Join(dir, "firmware.bin")
	if err := os.WriteFile(path, image, 0o600); err != nil {
		return nil, err
	}
	cfg := config.Default()
	cfg.Data = filepath.Join(dir, "data")
	cfg.Admin.Listen, cfg.CoAP.Listen = "", ""
	for _, n := range networks {
		cfg.LoRaWAN.Networks = append(cfg.LoRaWAN.Networks, n.config())
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	return gateway.New(cfg, &gateway.LocalFile{Path: path, Version: newVersion}, log)
}

// live runs the gateway and the networks for as long as it measures.
func (l LoRaWAN) live(
	ctx context.Context, r *LoRaWANReport, g *gateway.Gateway, networks []*loraNetwork,
) error {
	parts, ctx := errgroup.WithContext(ctx)
	ctx, stop := context.WithCancel(ctx)
	parts.Go(func() error { return g.Run(ctx) })
	for _, n := range networks {
		parts.Go(func() error { return n.run(ctx) })
	}
	measured := l.measure(ctx, r, networks)
	stop()
	if err := parts.Wait(); err != nil {
		return err // the cause of whatever could not be measured
	}
	return measured
}

// measure fills r rate by rate.
func (l LoRaWAN) measure(ctx context.Context, r *LoRaWANReport, networks []*loraNetwork) error {
	if err := each(networks, func(n *loraNetwork) error { return n.warm(ctx) }); err != nil {
		return err
	}
	for _, rate := range uplinkRates {
		side := networks[:rate.networks]
		networks = networks[rate.networks:]
		seconds := rate.part * l.Duration.Seconds()
		n := max(1, int(seconds*float64(rate.perSecond)))
		err := each(side, func(net *loraNetwork) error { return net.measure(ctx, n) })
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
func each(networks []*loraNetwork, do func(*loraNetwork) error) error {
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

// config is what the gateway knows of the network.
func (n *loraNetwork) config() lorawan.Config {
	c := lorawan.Config{
		Name: n.server.Application(), Server: lorawan.ChirpStackV3, Application: application,
		ApplicationIDs: []string{n.server.Application()}, Region: loraRegion,
	}
	c.MQTT.URL = n.broker.url
	return c
}
