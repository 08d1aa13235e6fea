package mqtt

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"

	"havn/dfu"
	"havn/front"
	"havn/front/fronttest"
	"havn/telemetry"
)

// TestUpdate: a device follows the protocol from its first Status to in sync, in both
// versions and with both QoS.
func TestUpdate(t *testing.T) {
	w := newWorld(t, Chunks{})
	for name, version := range versions {
		for qos := range byte(2) {
			t.Run(fmt.Sprintf("%s QoS %d", name, qos), func(t *testing.T) {
				c := w.device(t, version, fmt.Sprintf("d%d%d@edge", version, qos))
				got := c.update(qos)
				if !bytes.Equal(got, blinky.Data) {
					t.Error("other bytes")
				}
			})
		}
	}
	var chunks, bytes uint64 = 4 * 50, 4 * 50_003 // 48 whole KiB, 848 bytes and 3, each time
	if s := w.Counts(); s.Chunks.Load() != chunks || s.ChunkBytes.Load() != bytes {
		t.Errorf("%d chunks, %d bytes", s.Chunks.Load(), s.ChunkBytes.Load())
	}
}

func (c *client) update(qos byte) (got []byte) {
	c.t.Helper()
	st := dfu.Status{Version: []byte("1.0.0"), MTU: 2048}
	for {
		cmd := c.ask(st, qos)
		switch cmd.Op {
		case dfu.OpWrite:
			if int(cmd.Offset) != len(got) {
				c.t.Fatalf("offset %d, want %d", cmd.Offset, len(got))
			}
			got = append(got, cmd.Data...)
			st.Updating, st.Update = true, dfu.Progress{Version: cmd.Version, Offset: uint32(len(got))}
		case dfu.OpSwap:
			if sum := sha256.Sum256(got); !bytes.Equal(cmd.Checksum, sum[:]) {
				c.t.Fatal("other checksum")
			}
			st = dfu.Status{Version: cmd.Version, MTU: 2048}
		case dfu.OpSync:
			return got
		default:
			c.t.Fatalf("%v", cmd.Op)
		}
	}
}

// TestConnect: who is let in, and as whom.
func TestConnect(t *testing.T) {
	tests := []struct {
		name, user, client string
		unclean            bool
		as                 string // empty: not let in
	}{
		{name: "user names both", user: "d@edge", client: "x", as: "edge d"},
		{name: "client names both", user: "anybody", client: "d@edge", as: "edge d"},
		{name: "no client", user: "d@edge", as: "edge d"},
		{name: "user before client", user: "d@edge", client: "e@other", as: "edge d"},
		{name: "escaped", user: "a%40b@edge", as: "edge a@b"},
		{name: "nobody", user: "d", client: "x"},
		{name: "no user", client: "d@edge"},
		{name: "no device", user: "@edge"},
		{name: "no application", user: "d@"},
		{name: "level in the name", user: "a%2Fb@edge"},
		{name: "session that stays", user: "d@edge", client: "x", unclean: true},
	}
	w := newWorld(t, Chunks{})
	for name, version := range versions {
		for _, tt := range tests {
			t.Run(name+" "+tt.name, func(t *testing.T) {
				c := w.dial(t, version)
				pk := hello(tt.user, tt.client)
				pk.Connect.Clean = !tt.unclean
				c.send(pk)
				ack := c.want(packets.Connack)
				if want := refusals[version]; tt.as == "" {
					if ack.ReasonCode != want {
						t.Fatalf("CONNACK %#x, want %#x", ack.ReasonCode, want)
					}
					return
				} else if ack.ReasonCode != 0 {
					t.Fatalf("CONNACK %#x", ack.ReasonCode)
				}
				channel := fmt.Sprint("c", version)
				c.send(message(channel, []byte("1"), 1))
				c.want(packets.Puback)
				if want := fmt.Sprintf("%s %s application/json 1", tt.as, channel); !strings.Contains(w.taken(), want) {
					t.Errorf("taken: %s, want %s", w.taken(), want)
				}
			})
		}
	}
}

// refusals are the codes of a CONNACK that refuses: bad user name or password.
var refusals = map[byte]byte{4: 4, 5: 0x86}

// TestConnack: what MQTT 5 clients are told not to use.
func TestConnack(t *testing.T) {
	w := newWorld(t, Chunks{})
	c := w.dial(t, 5)
	pk := hello("d@edge", "")
	pk.Properties.SessionExpiryInterval, pk.Properties.SessionExpiryIntervalFlag = 3600, true
	c.send(pk)
	p := c.want(packets.Connack).Properties
	switch {
	case p.MaximumPacketSize != maxPacket, !p.MaximumQosFlag || p.MaximumQos != 1,
		!p.SharedSubAvailableFlag || p.SharedSubAvailable != 0, !p.SubIDAvailableFlag || p.SubIDAvailable != 0,
		!p.SessionExpiryIntervalFlag || p.SessionExpiryInterval != 0:
		t.Errorf("%+v", p)
	}
}

// TestRefused: messages that are not taken. MQTT 3.1.1 has only the end of the
// connection to say so.
func TestRefused(t *testing.T) {
	w := newWorld(t, Chunks{})
	for _, tt := range []struct {
		topic, contentType, payload string
		code                        byte
		why                         front.Reason
	}{
		{"a/b/c", "", "1", 0x90, BadTopic},
		{"command/inbox//reboot", "", "1", 0x90, BadTopic},
		{"/d", "", "1", 0x90, BadTopic},
		{"sensor/", "", "1", 0x90, BadTopic},
		{"dfu", "", "no CBOR", 0x99, front.BadStatus},
		{"dfu/e", "", "\xa1", 0x99, front.BadStatus},
		{"full", "", "1", 0x83, front.Untaken},
	} {
		before := w.Counts().Complaints.Rejected(tt.why)
		c := w.device(t, 5, "d@edge")
		c.send(message(tt.topic, []byte(tt.payload), 0)) // no answer, no end
		c.quiet()
		c.send(message(tt.topic, []byte(tt.payload), 1))
		if ack := c.want(packets.Puback); ack.ReasonCode != tt.code {
			t.Errorf("%s: PUBACK %#x, want %#x", tt.topic, ack.ReasonCode, tt.code)
		}
		c.quiet()
		old := w.device(t, 4, "old@edge")
		old.send(message(tt.topic, []byte(tt.payload), 1))
		if tt.why == front.Untaken {
			old.want(packets.Puback)
			old.quiet()
		} else {
			old.ended(0)
		}
		if n := w.Counts().Complaints.Rejected(tt.why) - before; n != 3 {
			t.Errorf("%s: counted %d times", tt.topic, n)
		}
	}
	c := w.device(t, 5, "d@edge")
	pk := message("sensor", []byte("{"), 1)
	pk.Properties.ContentType = "application/json"
	c.send(pk)
	if ack := c.want(packets.Puback); ack.ReasonCode != 0x99 {
		t.Errorf("no JSON: PUBACK %#x", ack.ReasonCode)
	}
}

// TestNoUpstream: a gateway without a cloud goes on to update devices that also send
// telemetry.
func TestNoUpstream(t *testing.T) {
	w := &world{log: new(fronttest.Log)}
	w.start(t, Chunks{}, telemetry.Upstream{})
	for _, version := range versions {
		c := w.device(t, version, fmt.Sprintf("d%d@edge", version))
		c.send(message("sensor", []byte("1"), 1))
		if ack := c.want(packets.Puback); (ack.ReasonCode == 0) != (version == 4) {
			t.Errorf("PUBACK %#x", ack.ReasonCode)
		}
		if cmd := c.ask(dfu.Status{Version: []byte("1"), MTU: 512}, 1); cmd.Op != dfu.OpWrite {
			t.Errorf("%v", cmd.Op)
		}
	}
	if n := w.Counts().Complaints.Rejected(front.Untaken); n != 2 {
		t.Errorf("counted %d times", n)
	}
}

// TestTelemetry: what goes upstream, and as which device.
func TestTelemetry(t *testing.T) {
	w := newWorld(t, Chunks{})
	c := w.connect(t, 5, "gw@edge")
	c.send(message("sensor", []byte(`{"t":1}`), 0))
	pk := message("sensor/leaf", []byte("x"), 1)
	pk.Properties.ContentType = "text/plain"
	pk.FixedHeader.Retain = true
	c.send(pk)
	c.want(packets.Puback)
	old := w.connect(t, 4, "old@edge")
	old.send(message("2", nil, 1))
	old.want(packets.Puback)
	want := "edge gw sensor application/json {\"t\":1}\nedge leaf sensor text/plain x\n" +
		"edge old 2 application/octet-stream "
	if got := w.taken(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if late := w.device(t, 5, "late@edge"); late.subscribe("command/inbox/leaf/#")[0] != 0 {
		t.Error("not subscribed")
	} else {
		late.quiet() // nothing is retained
	}
}

// TestDeaf: a device that cannot hear its answer is named in the log.
func TestDeaf(t *testing.T) {
	w := newWorld(t, Chunks{})
	c := w.connect(t, 5, "deaf@edge")
	c.send(message("dfu", dfu.Status{Version: []byte("1")}.Append(nil), 1))
	c.want(packets.Puback)
	c.quiet()
	if n := w.Counts().Complaints.Rejected(Deaf); n != 1 || !strings.Contains(w.log.String(), "device=deaf") {
		t.Errorf("counted %d times; %s", n, w.log)
	}
}

// TestSmallPackets: a Command fits what the device takes, in its mtu and its packets.
func TestSmallPackets(t *testing.T) {
	w := newWorld(t, Chunks{WriteSize: 4096})
	for _, tt := range []struct {
		most, mtu uint32
		want      int
	}{{0, 8192, 4096}, {256, 8192, 216}, {0, 100, 100}} {
		c := w.dial(t, 5)
		pk := hello("d@edge", "")
		pk.Properties.MaximumPacketSize = tt.most
		c.send(pk)
		c.want(packets.Connack)
		c.subscribe("command/inbox/#")
		cmd := c.ask(dfu.Status{Version: []byte("1.0.0"), MTU: tt.mtu}, 0)
		if n := len(cmd.Data); n != tt.want {
			t.Errorf("maximum packet %d, mtu %d: %d bytes, want %d", tt.most, tt.mtu, n, tt.want)
		}
	}
}
