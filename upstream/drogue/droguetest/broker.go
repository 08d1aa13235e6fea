package droguetest

import (
	"crypto/rand"
	"log/slog"
	"net"
	"slices"
	"sync"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"havn/upstream/drogue/droguetest/apps"
	"havn/upstream/drogue/droguetest/wire"
)

// maxPacket is the largest MQTT packet Drogue Cloud takes, in bytes.
const maxPacket = 16 << 10

// Reason codes that are answered, as MQTT 5 section 2.4 numbers them.
const (
	reasonUnspecified    = 0x80
	reasonNotAuthorized  = 0x87
	reasonFilterInvalid  = 0x8F
	reasonTopicInvalid   = 0x90
	reasonNoSubscription = 0xA1 // subscription identifiers are not supported
	reasonNoWildcards    = 0xA2
)

// protocol is what an MQTT interface does. A reason of 0x80 and above is a
// refusal.
type protocol interface {
	kind() Kind
	// connect reports whether cl may connect.
	connect(cl *client, p packets.ConnectParams) bool
	// connected is called after the CONNACK, disconnected at the end.
	connected(cl *client)
	disconnected(cl *client)
	// subscribe returns the granted QoS or a reason.
	subscribe(cl *client, filter string, qos byte) byte
	publish(cl *client, pk packets.Packet) byte
}

// client is one MQTT connection.
type client struct {
	*mqtt.Client
	id       apps.Identity // device; application alone for none
	user     *apps.User    // of the integration
	clientID string        // as the client gave it
	done     chan struct{} // closed at the end
	acks     chan uint16   // packet identifiers that the client acknowledged

	mu      sync.Mutex
	stops   []func() // end subscriptions
	allowed speakers
}

func (cl *client) v5() bool { return cl.Properties.ProtocolVersion == 5 }

// send publishes to the client.
func (cl *client) send(topic, contentType string, payload []byte, qos byte, id uint16) error {
	return cl.WritePacket(packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: qos},
		TopicName:   topic, Payload: payload, PacketID: id,
		Properties: packets.Properties{ContentType: contentType},
	})
}

// broker carries a protocol: it reads and writes packets, keeps no session and
// routes nothing.
type broker struct {
	mqtt.HookBase
	cloud    *Cloud
	protocol protocol
	front    *wire.Front
	server   *mqtt.Server

	mu      sync.Mutex
	clients map[*mqtt.Client]*client
}

func (c *Cloud) serveMQTT(l net.Listener, p protocol) {
	capabilities := mqtt.NewDefaultServerCapabilities()
	capabilities.MaximumPacketSize = maxPacket
	capabilities.Compatibilities.NoInheritedPropertiesOnAck = true
	options := &mqtt.Options{Capabilities: capabilities, Logger: slog.New(slog.DiscardHandler)}
	b := &broker{
		cloud: c, protocol: p, front: c.fronts[p.kind()], clients: map[*mqtt.Client]*client{},
		server: mqtt.New(options),
	}
	b.server.AddHook(b, nil)
	c.work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.work.Go(func() { b.server.EstablishConnection(string(p.kind()), conn) })
		}
	})
	c.stops = append(c.stops, func() { b.server.Close() })
}

// ID implements mqtt.Hook.
func (b *broker) ID() string { return string(b.protocol.kind()) }

// Provides implements mqtt.Hook.
func (b *broker) Provides(hook byte) bool {
	return slices.Contains([]byte{
		mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnConnect, mqtt.OnSessionEstablished,
		mqtt.OnDisconnect, mqtt.OnPacketRead, mqtt.OnPacketEncode, mqtt.OnSubscribed, mqtt.OnPublish,
	}, hook)
}

func (b *broker) client(cl *mqtt.Client) *client {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clients[cl]
}

// OnConnect implements mqtt.Hook. Client identifiers do not matter: the
// library gets one of its own for each connection.
func (b *broker) OnConnect(cl *mqtt.Client, pk packets.Packet) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clients[cl] = &client{
		Client: cl, clientID: pk.Connect.ClientIdentifier,
		done: make(chan struct{}), acks: make(chan uint16, 1),
	}
	cl.ID = rand.Text()
	return nil
}

// OnConnectAuthenticate implements mqtt.Hook. Whatever is wrong, the answer is
// bad user name or password.
func (b *broker) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	known := b.client(cl)
	ok := pk.Connect.Clean && b.protocol.connect(known, pk.Connect)
	if !ok {
		b.forget(known)
	}
	return ok
}

func (b *broker) forget(cl *client) {
	b.mu.Lock()
	delete(b.clients, cl.Client)
	b.mu.Unlock()
	close(cl.done)
}

// OnSessionEstablished implements mqtt.Hook.
func (b *broker) OnSessionEstablished(cl *mqtt.Client, _ packets.Packet) {
	b.protocol.connected(b.client(cl))
}

// OnDisconnect implements mqtt.Hook.
func (b *broker) OnDisconnect(cl *mqtt.Client, _ error, _ bool) {
	known := b.client(cl)
	b.forget(known)
	known.mu.Lock()
	stops := known.stops
	known.stops = nil
	known.mu.Unlock()
	for _, stop := range stops {
		stop()
	}
	b.protocol.disconnected(known)
}

// OnACLCheck implements mqtt.Hook: OnSubscribed and OnPublish decide.
func (b *broker) OnACLCheck(*mqtt.Client, string, bool) bool { return true }

// OnPacketRead implements mqtt.Hook.
func (b *broker) OnPacketRead(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	b.front.Count(packets.PacketNames[pk.FixedHeader.Type])
	if known := b.client(cl); known != nil && pk.FixedHeader.Type == packets.Puback {
		select {
		case known.acks <- pk.PacketID:
		case <-known.done:
		default: // nobody waits for it
		}
	}
	return pk, nil
}

// OnPacketEncode implements mqtt.Hook.
func (b *broker) OnPacketEncode(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	if pk.FixedHeader.Type != packets.Connack {
		return pk
	}
	const notAuthorized, badCredentials = 5, 4 // return codes of MQTT 3.1.1
	if cl.Properties.ProtocolVersion < 5 && pk.ReasonCode == notAuthorized {
		pk.ReasonCode = badCredentials
	}
	if b.protocol.kind() == MQTT && pk.ReasonCode == 0 {
		pk.Properties.SharedSubAvailableFlag, pk.Properties.SubIDAvailableFlag = true, true
	}
	return pk
}

// OnSubscribed implements mqtt.Hook: it fills in what SUBACK says.
func (b *broker) OnSubscribed(cl *mqtt.Client, pk packets.Packet, reasons []byte) {
	known := b.client(cl)
	for i, f := range pk.Filters {
		reasons[i] = reasonNoSubscription
		if len(pk.Properties.SubscriptionIdentifier) == 0 {
			reasons[i] = b.protocol.subscribe(known, f.Filter, f.Qos)
		}
		if reasons[i] >= reasonUnspecified && !known.v5() {
			reasons[i] = reasonUnspecified
		}
	}
}

// OnPublish implements mqtt.Hook. MQTT 3.1.1 knows no refusal: the connection
// ends.
func (b *broker) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	known := b.client(cl)
	fault := b.front.Fault("PUBLISH")
	wire.Sleep(b.cloud.ctx.Done(), fault.Delay)
	reason := byte(fault.Status)
	if reason == 0 {
		reason = b.protocol.publish(known, pk)
	}
	if fault.Half || (reason >= reasonUnspecified && !known.v5()) {
		cl.Stop(packets.ErrUnspecifiedError)
		return pk, packets.ErrRejectPacket
	}
	if reason >= reasonUnspecified {
		return pk, packets.Code{Code: reason, Reason: "refused"}
	}
	return pk, packets.CodeSuccessIgnore
}
