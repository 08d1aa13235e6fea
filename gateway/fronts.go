package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"

	"havn/coap"
	"havn/front"
	"havn/front/http"
	"havn/front/mqtt"
	"havn/gateway/config"
	"havn/lorawan"
	"havn/lorawan/chirpstack"
	"havn/lorawan/region"
	"havn/lorawan/ttn"
)

// openFronts opens the fronts that the configuration turns on. A new front is one
// entry here.
func (g *Gateway) openFronts() error {
	errs := []error{
		mount(g, g.cfg.CoAP.Listen != "", coap.New, func(c *config.Config) coap.Setup {
			return coap.Setup{Config: c.CoAP, Chunks: c.Chunks.CoAP}
		}),
		mount(g, g.cfg.HTTP.Listen != "", http.New, func(c *config.Config) http.Setup {
			return http.Setup{Config: c.HTTP, Chunks: c.Chunks.HTTP}
		}),
		mount(g, g.cfg.MQTT.Listen+g.cfg.MQTT.TLSListen != "", mqtt.New, func(c *config.Config) mqtt.Setup {
			return mqtt.Setup{Config: c.MQTT, Chunks: c.Chunks.MQTT}
		}),
	}
	for _, network := range g.cfg.LoRaWAN.Networks {
		errs = append(errs, mount(g, true, openNetwork, func(c *config.Config) lorawan.Setup {
			return lorawan.Setup{Config: network, Chunks: c.Chunks.LoRaWAN, Shard: c.LoRaWAN.Shard}
		}))
	}
	return errors.Join(errs...)
}

// mount opens a front, if it is on, from the section of the configuration that it
// understands.
func mount[S any, F front.Reloader[S]](
	g *Gateway, on bool, open func(S, front.Parts) (F, error), section func(*config.Config) S,
) error {
	if !on {
		return nil
	}
	f, err := open(section(&g.cfg), front.Parts{Engine: g.engine, Upstream: g.upstream(), Log: g.log})
	if err != nil {
		return err
	}
	g.fronts = append(g.fronts, f)
	g.runs, g.closes = append(g.runs, f.Run), append(g.closes, func() { _ = f.Close() })
	if reaches, ok := any(f).(front.Waker); ok {
		g.inbox.Wake(reaches.Wake)
	}
	g.reloads = append(g.reloads, func(c *config.Config) error { return f.Reload(section(c)) })
	g.warnOpen(f)
	return nil
}

// openNetwork makes the front of a LoRaWAN network. It connects in Run.
func openNetwork(s lorawan.Setup, p front.Parts) (*lorawan.Network, error) {
	codec, err := codecOf(s.Config)
	if err != nil {
		return nil, fmt.Errorf("lorawan network %s: %w", s.Config.Name, err)
	}
	return lorawan.New(s, codec, p)
}

// codecOf returns the codec of the network's server.
func codecOf(cfg lorawan.Config) (lorawan.Codec, error) {
	topics := chirpstack.Config{Events: cfg.UplinkTopic, Commands: cfg.DownlinkTopic}
	switch cfg.Server {
	case lorawan.ChirpStackV3:
		return chirpstack.NewV3(topics)
	case lorawan.ChirpStackV4:
		return chirpstack.NewV4(topics)
	case lorawan.TheThingsStack:
	}
	rules, err := region.New(cfg.Radio)
	if err != nil {
		return nil, err
	}
	return ttn.New(ttn.Config{Events: cfg.UplinkTopic, Commands: cfg.DownlinkTopic}, rules)
}

// Addr returns the address that devices of a protocol reach the gateway at. It is
// invalid when the front is off, or has no socket of its own.
func (g *Gateway) Addr(protocol string) netip.AddrPort {
	for _, f := range g.fronts {
		if f.Name() == protocol {
			return addrOf(f)
		}
	}
	return netip.AddrPort{}
}

// URLs returns the addresses that devices reach the gateway at.
func (g *Gateway) URLs() (all []string) {
	for _, f := range g.fronts {
		if l, ok := f.(front.Listener); ok {
			all = append(all, l.URLs()...)
		}
	}
	return all
}

func addrOf(f front.Front) netip.AddrPort {
	l, ok := f.(front.Listener)
	if !ok {
		return netip.AddrPort{}
	}
	return l.Addr().(interface{ AddrPort() netip.AddrPort }).AddrPort() // of UDP and TCP
}

// warnOpen says that the devices of a front are not authenticated, if others
// than those of this host reach it.
func (g *Gateway) warnOpen(f front.Front) {
	if listen := addrOf(f); listen.IsValid() && !listen.Addr().IsLoopback() {
		g.log.Warn("devices are not authenticated: anyone who reaches this address can read the firmware "+
			"and report as any device", slog.String("protocol", f.Name()), slog.Any("listen", listen))
	}
}
