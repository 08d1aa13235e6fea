package gateway

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"

	fronthttp "havn/front/http"
	"havn/lorawan"
	"havn/lorawan/chirpstack"
	"havn/lorawan/region"
	"havn/lorawan/ttn"
	"havn/update"
)

// listenHTTP binds the HTTP front for devices, where one is configured.
func (g *Gateway) listenHTTP() (err error) {
	g.httpHandler, err = fronthttp.NewHandler(g.engine, g.cfg.Chunks.HTTP, g.upstream(), g.log)
	if err != nil || g.cfg.HTTP.Listen == "" {
		return err
	}
	if g.http, err = fronthttp.Listen(g.cfg.HTTP, g.httpHandler); err != nil {
		return err
	}
	g.warnOpen(update.HTTP, g.HTTPAddr())
	return nil
}

// connectLoRaWAN makes the LoRaWAN fronts. They connect in Run.
func (g *Gateway) connectLoRaWAN() error {
	for _, cfg := range g.cfg.LoRaWAN.Networks {
		codec, err := codecOf(cfg)
		if err != nil {
			return fmt.Errorf("lorawan network %s: %w", cfg.Name, err)
		}
		handler, err := lorawan.NewHandler(cfg, g.cfg.Chunks.LoRaWAN, g.cfg.LoRaWAN.Shard,
			lorawan.Parts{Engine: g.engine, Upstream: g.upstream(), Log: g.log})
		if err != nil {
			return err
		}
		network, err := lorawan.NewNetwork(handler, codec, g.log)
		if err != nil {
			return fmt.Errorf("lorawan network %s: %w", cfg.Name, err)
		}
		g.cloud.inbox.Wake(network.Wake)
		g.lorawan = append(g.lorawan, loraNetwork{network, handler})
	}
	return nil
}

// loraNetwork is one LoRaWAN front with the handler inside it.
type loraNetwork struct {
	*lorawan.Network
	handler *lorawan.Handler
}

// codecOf returns the codec of the network's server.
func codecOf(cfg lorawan.Config) (lorawan.Codec, error) {
	topics := chirpstack.Config{Events: cfg.UplinkTopic, Commands: cfg.DownlinkTopic}
	switch cfg.Server {
	case lorawan.ChirpStackV3:
		return chirpstack.NewV3(topics)
	case lorawan.ChirpStackV4:
		return chirpstack.NewV4(topics)
	}
	rules, err := region.New(cfg.Radio())
	if err != nil {
		return nil, err
	}
	return ttn.New(ttn.Config{Events: cfg.UplinkTopic, Commands: cfg.DownlinkTopic}, rules)
}

// HTTPAddr returns the address of the HTTP front for devices; it is invalid
// when the front is off.
func (g *Gateway) HTTPAddr() netip.AddrPort {
	if g.http == nil {
		return netip.AddrPort{}
	}
	return g.http.Addr().(*net.TCPAddr).AddrPort()
}

// warnOpen says that the devices of a front are not authenticated, if others
// than those of this host reach it.
func (g *Gateway) warnOpen(p update.Protocol, listen netip.AddrPort) {
	if !listen.Addr().IsLoopback() {
		g.log.Warn("devices are not authenticated: anyone who reaches this address can read the firmware "+
			"and report as any device", slog.String("protocol", p.String()), slog.Any("listen", listen))
	}
}
