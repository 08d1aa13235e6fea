package mqtt

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"

	"havn/dfu"
	"havn/telemetry"
)

func TestTopics(t *testing.T) {
	for topic, want := range map[string]string{
		"dfu": "dfu|", "sensor/d": "sensor|d", "a b/é": "a b|é",
		"": "", "/": "", "a/": "", "/d": "", "a/b/c": "", "a+": "", "a/\xff": "", "a/#": "",
		"a/" + strings.Repeat("x", 256): "",
	} {
		channel, device, err := parseTopic(topic)
		if got := channel + "|" + device; (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%q: %s, %v, want %s", topic, got, err, want)
		}
	}
}

// TestFilters: what may be subscribed to, and where a command for the device and for
// one that it speaks for comes.
func TestFilters(t *testing.T) {
	w := newWorld(t, Chunks{})
	for i, tt := range []struct {
		filter, own, other string // empty: no command comes
		granted            bool
	}{
		{"command/inbox/#", "command/inbox//x", "command/inbox/leaf/x", true},
		{"command/inbox/+/#", "command/inbox//x", "command/inbox/leaf/x", true},
		{"command/inbox//#", "command/inbox//x", "command/inbox/leaf/x", true},
		{"command/inbox/leaf/#", "", "command/inbox/leaf/x", true},
		{"command/inbox/gw/#", "command/inbox/gw/x", "", true},
		{"command/inbox/leaf", "", "", false},
		{"command/inbox/a/b/#", "", "", false},
		{"command/#", "", "", false},
		{"#", "", "", false},
		{"$share/g/command/inbox/#", "", "", false},
		{"sensor", "", "", false},
	} {
		for name, version := range versions {
			t.Run(tt.filter+" "+name, func(t *testing.T) {
				app := fmt.Sprintf("app%d%d", i, version)
				c := w.connect(t, version, "gw@"+app)
				codes := c.subscribe(tt.filter)
				if granted := codes[0] == 0; granted != tt.granted {
					t.Fatalf("SUBACK %#x", codes)
				}
				c.send(message("sensor/leaf", []byte("1"), 1))
				c.want(packets.Puback)
				for device, topic := range map[string]string{"gw": tt.own, "leaf": tt.other} {
					dev := dfu.Device{Application: app, Name: device}
					w.inbox.Put(dev, telemetry.Command{Name: "x", Payload: []byte(device)})
					w.Wake(dev)
					if topic == "" {
						continue
					}
					if pk := c.want(packets.Publish); pk.TopicName != topic || string(pk.Payload) != device {
						t.Errorf("%s: %q %q, want %q", device, pk.TopicName, pk.Payload, topic)
					}
				}
				c.quiet()
			})
		}
	}
}

// TestCommandsThatWaited come with the subscription, in their order.
func TestCommandsThatWaited(t *testing.T) {
	w := newWorld(t, Chunks{})
	dev := dfu.Device{Application: "edge", Name: "d"}
	for n := range 3 {
		w.inbox.Put(dev, telemetry.Command{Name: fmt.Sprint(n), Payload: nil})
	}
	c := w.connect(t, 4, "d@edge")
	c.quiet()
	c.subscribe("command/inbox/#")
	for n := range 3 {
		if pk := c.want(packets.Publish); pk.TopicName != fmt.Sprint("command/inbox//", n) {
			t.Errorf("%q", pk.TopicName)
		}
	}
	until(t, func() bool { return w.inbox.Waiting() == 0 && w.Counts().Commands.Load() == 3 })
	c.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Unsubscribe, Qos: 1},
		Filters: packets.Subscriptions{{Filter: "command/inbox/#"}}})
	c.want(packets.Unsuback)
	w.inbox.Put(dev, telemetry.Command{Name: "later"})
	w.Wake(dev)
	c.quiet()
	if w.inbox.Waiting() != 1 {
		t.Error("a command was taken for a device that is not subscribed")
	}
}

// TestIdentifiers: subscription identifiers are refused as Drogue Cloud does.
func TestIdentifiers(t *testing.T) {
	w := newWorld(t, Chunks{})
	c := w.connect(t, 5, "d@edge")
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1},
		Filters: packets.Subscriptions{{Filter: "command/inbox/#", Identifier: 7}}}
	pk.Properties.SubscriptionIdentifier = []int{7}
	c.send(pk)
	if codes := c.want(packets.Suback).ReasonCodes; codes[0] != 0xa1 {
		t.Errorf("SUBACK %#x", codes)
	}
}

// TestManyFilters: the filters of one connection are bounded.
func TestManyFilters(t *testing.T) {
	w := newWorld(t, Chunks{})
	c := w.connect(t, 5, "d@edge")
	for n := range maxSpoken + 1 {
		codes := c.subscribe(fmt.Sprintf("command/inbox/leaf%d/#", n))
		if granted := codes[0] == 0; granted != (n < maxSpoken) {
			t.Errorf("filter %d: SUBACK %#x", n, codes)
		}
	}
}

// TestManyDevices: a connection speaks for many devices, and the routes of those are
// bounded and go with it.
func TestManyDevices(t *testing.T) {
	w := newWorld(t, Chunks{})
	c := w.device(t, 5, "gw@edge")
	for n := range 3 * maxSpoken {
		c.send(message(fmt.Sprintf("sensor/leaf%d", n), []byte("1"), 1))
		c.want(packets.Puback)
	}
	if n := w.routed(); n != maxSpoken+1 {
		t.Errorf("%d routes", n)
	}
	c.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Disconnect}})
	_, _ = c.receive()
	until(t, func() bool { return w.routed() == 0 })
}

// TestProxied: a gateway asks for a device, and is answered on the topic of that.
func TestProxied(t *testing.T) {
	w := newWorld(t, Chunks{})
	c := w.device(t, 5, "gw@edge")
	c.send(message("dfu/leaf", dfu.Status{Version: []byte("1"), MTU: 64}.Append(nil), 0))
	if cmd := c.command("command/inbox/leaf/dfu"); cmd.Op != dfu.OpWrite || len(cmd.Data) != 64 {
		t.Errorf("%v, %d bytes", cmd.Op, len(cmd.Data))
	}
}

// TestOwnConnectionGoesFirst: no other device takes the commands of one that takes them
// itself, whether it publishes in its name or subscribes to it.
func TestOwnConnectionGoesFirst(t *testing.T) {
	w := newWorld(t, Chunks{})
	owner, other := w.device(t, 5, "d@edge"), w.device(t, 5, "other@edge")
	other.send(message("sensor/d", []byte("1"), 1))
	other.want(packets.Puback)
	other.subscribe("command/inbox/d/#")
	dev := dfu.Device{Application: "edge", Name: "d"}
	for _, woken := range []dfu.Device{dev, {Application: "edge", Name: "other"}} {
		w.inbox.Put(dev, telemetry.Command{Name: "x"})
		w.Wake(woken)
		other.quiet()
		w.Wake(dev)
		if pk := owner.want(packets.Publish); pk.TopicName != "command/inbox//x" {
			t.Errorf("%q", pk.TopicName)
		}
	}
	_ = owner.conn.Close()
	w.until(t, 1)
	other.send(message("sensor/d", []byte("1"), 1)) // as the gateway of a device that has no connection
	other.want(packets.Puback)
	w.inbox.Put(dev, telemetry.Command{Name: "x"})
	w.Wake(dev)
	if pk := other.want(packets.Publish); pk.TopicName != "command/inbox/d/x" {
		t.Errorf("%q", pk.TopicName)
	}
}

// TestTakeover: a newer connection of a device takes the place of the older one, and
// another device with the same client identifier does not.
func TestTakeover(t *testing.T) {
	w := newWorld(t, Chunks{})
	for _, version := range versions {
		first := w.device(t, version, "d@edge")
		other := w.dial(t, version)
		other.send(hello("e@edge", "d@edge"))
		other.want(packets.Connack)
		first.quiet()
		second := w.device(t, version, "d@edge")
		first.ended(0x8e)
		dev := dfu.Device{Application: "edge", Name: "d"}
		w.inbox.Put(dev, telemetry.Command{Name: "x"})
		w.Wake(dev)
		second.want(packets.Publish)
		other.quiet()
	}
}

// TestNoCrossTalk: nothing that one device sends reaches another one.
func TestNoCrossTalk(t *testing.T) {
	w := newWorld(t, Chunks{})
	for _, version := range versions {
		victim := w.device(t, version, "victim@edge")
		victim.subscribe("command/inbox/victim/#")
		attacker := w.dial(t, version)
		pk := hello("attacker@edge", "")
		pk.Connect.WillFlag, pk.Connect.WillPayload = true, []byte("now")
		pk.Connect.WillTopic, pk.Connect.WillRetain = "command/inbox/victim/reboot", true
		attacker.send(pk)
		attacker.want(packets.Connack)
		for _, topic := range []string{"command/inbox/victim/reboot", "command/inbox//reboot", "victim/x", "$SYS/x"} {
			attacker.send(message(topic, []byte("now"), 0))
			if version == 4 {
				break // it is closed after the first one
			}
		}
		_ = attacker.conn.Close()
		w.until(t, 1)
		victim.quiet()
		again := w.device(t, version, "victim@edge")
		again.subscribe("command/inbox/victim/#")
		again.quiet()
		_ = again.conn.Close()
		w.until(t, 0)
	}
}

// TestWill: the last will is telemetry like any other.
func TestWill(t *testing.T) {
	w := newWorld(t, Chunks{})
	c := w.dial(t, 5)
	pk := hello("d@edge", "")
	pk.Connect.WillFlag, pk.Connect.WillTopic, pk.Connect.WillPayload = true, "gone", []byte("1")
	pk.Connect.WillProperties.WillDelayInterval = 3600
	pk.Properties.SessionExpiryInterval, pk.Properties.SessionExpiryIntervalFlag = 7200, true
	c.send(pk)
	c.want(packets.Connack)
	_ = c.conn.Close()
	w.until(t, 0)
	if got := w.taken(); got != "edge d gone application/json 1" {
		t.Errorf("taken: %s", got)
	}
}
