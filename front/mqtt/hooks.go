package mqtt

import (
	"cmp"
	"errors"
	"fmt"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"havn/front"
)

// hooks is what the library calls for each packet.
type hooks struct {
	mochi.HookBase
	front *Front
}

// ID implements mochi.Hook.
func (*hooks) ID() string { return "devices" }

// Provides implements mochi.Hook.
func (*hooks) Provides(b byte) bool {
	switch b {
	case mochi.OnConnectAuthenticate, mochi.OnACLCheck, mochi.OnPacketRead, mochi.OnPacketEncode,
		mochi.OnSubscribe, mochi.OnUnsubscribed, mochi.OnPacketSent, mochi.OnPublish, mochi.OnPublished,
		mochi.OnWill:
		return true
	}
	return false
}

// maxKeepAlive is the longest keep alive, in seconds. The library waits half as long again,
// and computes the sum in 16 bits.
const maxKeepAlive = 12 * 60 * 60

// OnConnectAuthenticate implements mochi.Hook.
func (k *hooks) OnConnectAuthenticate(cl *mochi.Client, pk packets.Packet) bool {
	s := of(cl)
	dev, err := identify(string(pk.Connect.Username), pk.Connect.ClientIdentifier)
	if err == nil && !pk.Connect.Clean {
		err = errUnclean
	}
	if err != nil {
		k.front.handler.reject(front.BadIdentity, s.RemoteAddr().String(), err)
		return false
	}
	s.device, s.client = dev, cl
	cl.ID = k.front.newID() // for the library alone: the session knows the device
	cl.Properties.Will.WillDelayInterval = 0
	if cl.State.Keepalive > maxKeepAlive {
		cl.State.Keepalive, cl.State.ServerKeepalive = maxKeepAlive, true
	}
	k.front.enter(s)
	return true
}

// OnPacketRead implements mochi.Hook. It ends the connection at a message with QoS 2, which
// the library would take as QoS 1.
func (k *hooks) OnPacketRead(cl *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	if pk.FixedHeader.Type == packets.Publish && pk.FixedHeader.Qos > maxQoS {
		k.front.drop(cl, packets.ErrQosNotSupported)
		return pk, packets.ErrRejectPacket // the library takes the message after any other error
	}
	return pk, nil
}

// OnPacketEncode implements mochi.Hook. It changes the packets in which the library differs
// from Drogue Cloud.
func (k *hooks) OnPacketEncode(cl *mochi.Client, pk packets.Packet) packets.Packet {
	switch pk.FixedHeader.Type {
	case packets.Connack:
		if pk.ReasonCode == packets.Err3NotAuthorized.Code && cl.Properties.ProtocolVersion < 5 {
			pk.ReasonCode = packets.ErrMalformedUsernameOrPassword.Code
		}
		p := &pk.Properties
		p.MaximumPacketSize = maxPacket
		p.SharedSubAvailableFlag, p.SubIDAvailableFlag = true, true // present, and false
	case packets.Suback:
		if of(cl).subIDs {
			for i := range pk.ReasonCodes {
				pk.ReasonCodes[i] = packets.ErrSubscriptionIdentifiersNotSupported.Code
			}
		}
	}
	return pk
}

// OnSubscribe implements mochi.Hook.
func (k *hooks) OnSubscribe(cl *mochi.Client, pk packets.Packet) packets.Packet {
	of(cl).subIDs = len(pk.Properties.SubscriptionIdentifier) > 0
	for i := range pk.Filters {
		pk.Filters[i].Qos = 0
	}
	return pk
}

// OnACLCheck implements mochi.Hook. It checks the filters of subscriptions; OnPublish checks
// the topics of messages.
func (k *hooks) OnACLCheck(cl *mochi.Client, filter string, write bool) bool {
	if write {
		return true
	}
	s := of(cl)
	device, err := parseFilter(filter)
	if err == nil && !s.subIDs && s.subscribe(device) {
		k.front.route(s, device)
		return true
	}
	k.front.handler.reject(BadFilter, s.RemoteAddr().String(), fmt.Errorf("%s: %q: %w",
		s.device, filter, cmp.Or(err, errFilters)))
	return false
}

// OnPacketSent implements mochi.Hook. The commands that wait follow the SUBACK.
func (*hooks) OnPacketSent(cl *mochi.Client, pk packets.Packet, _ []byte) {
	if pk.FixedHeader.Type == packets.Suback {
		of(cl).signal()
	}
}

// OnUnsubscribed implements mochi.Hook.
func (k *hooks) OnUnsubscribed(cl *mochi.Client, pk packets.Packet) {
	for _, sub := range pk.Filters {
		if device, err := parseFilter(sub.Filter); err == nil {
			of(cl).unsubscribe(device)
		}
	}
}

// OnPublish implements mochi.Hook. It takes the message from the library, which would send
// the message to other devices.
func (k *hooks) OnPublish(cl *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	err := k.front.handler.take(of(cl), &pk)
	switch {
	case err == nil:
		return pk, packets.CodeSuccessIgnore
	case cl.Properties.ProtocolVersion < 5 && !errors.Is(err, errNoUpstream):
		k.front.drop(cl, packets.ErrUnspecifiedError)
		return pk, packets.ErrRejectPacket
	case cl.Properties.ProtocolVersion < 5:
		return pk, packets.CodeSuccessIgnore
	case pk.FixedHeader.Qos == 0:
		return pk, packets.ErrRejectPacket
	}
	return pk, reasonCode(err)
}

// OnPublished implements mochi.Hook. The library calls it after the PUBACK.
func (k *hooks) OnPublished(cl *mochi.Client, _ packets.Packet) { k.front.handler.answer(of(cl)) }

// OnWill implements mochi.Hook. The will is taken as telemetry, and goes to no other device.
func (k *hooks) OnWill(cl *mochi.Client, w mochi.Will) (mochi.Will, error) {
	pk := packets.Packet{TopicName: w.TopicName, Payload: w.Payload}
	if channel, _, err := parseTopic(w.TopicName); err == nil && channel != channelDFU {
		_ = k.front.handler.take(of(cl), &pk) // counted and logged; the device is gone
	}
	return mochi.Will{}, nil
}
