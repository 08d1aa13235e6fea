package droguetest

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"havn/upstream/drogue/droguetest/apps"
)

// mqttEndpoint is the MQTT endpoint of devices.
type mqttEndpoint struct{ *Cloud }

func (mqttEndpoint) kind() Kind { return MQTT }

// connect accepts USER dev@app, or USER dev with the client identifier dev@app.
func (m mqttEndpoint) connect(cl *client, p packets.ConnectParams) bool {
	l := apps.Login{User: string(p.Username), Password: string(p.Password)}
	if !strings.Contains(l.User, "@") {
		l.Device, l.App = apps.SplitUser(p.ClientIdentifier)
	}
	id, ok := m.Authenticate(l)
	cl.id = id
	return ok && p.UsernameFlag
}

// connected takes the device's session over from an older connection.
func (m mqttEndpoint) connected(cl *client) {
	key := cl.id.App + "/" + cl.id.Device
	m.mu.Lock()
	old := m.session[key]
	m.session[key] = cl
	m.mu.Unlock()
	if old != nil {
		if old.v5() {
			old.WritePacket(packets.Packet{
				FixedHeader: packets.FixedHeader{Type: packets.Disconnect},
				ReasonCode:  packets.ErrSessionTakenOver.Code,
			})
		}
		old.Stop(packets.ErrSessionTakenOver)
	}
	m.connection(cl, true)
}

func (m mqttEndpoint) disconnected(cl *client) {
	key := cl.id.App + "/" + cl.id.Device
	m.mu.Lock()
	if m.session[key] == cl {
		delete(m.session, key)
	}
	m.mu.Unlock()
	m.connection(cl, false)
}

// connection tells the stream that a device came or went.
func (m mqttEndpoint) connection(cl *client, is bool) {
	data, _ := json.Marshal(map[string]bool{"connected": is})
	m.Add(apps.Event{
		Type: apps.ConnectionEvent, Subject: "connection", ContentType: "application/json", Data: data,
		Application: cl.id.App, Device: cl.id.Device, Sender: cl.id.Device,
	})
}

// subscribe knows the inbox and nothing else. Without a device, or with an
// empty one, it is that of all devices the gateway speaks for.
func (m mqttEndpoint) subscribe(cl *client, filter string, _ byte) byte {
	device, ok := strings.CutPrefix(filter, "command/inbox/")
	if !ok {
		return reasonFilterInvalid
	}
	if device != "#" {
		if device, ok = strings.CutSuffix(device, "/#"); !ok || strings.ContainsAny(device, "/#") {
			return reasonFilterInvalid
		}
	}
	if device == "#" || device == "+" {
		device = ""
	}
	i := &inbox{gateway: cl.id, device: device}
	i.deliver = func(cmd command) {
		of := cmd.device
		if of == cl.id.Device && i.device == "" {
			of = ""
		}
		cl.send("command/inbox/"+of+"/"+cmd.name, "", cmd.payload, 0, 0)
	}
	stop := m.listen(i)
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.stops = append(cl.stops, stop)
	return 0 // QoS
}

// publish takes an event on channel or channel/device.
func (m mqttEndpoint) publish(cl *client, pk packets.Packet) byte {
	channel, as, _ := strings.Cut(pk.TopicName, "/")
	if channel == "" || strings.Contains(as, "/") {
		return reasonTopicInvalid
	}
	device := cl.id.Device
	if as != "" && as != device {
		var ok bool
		if device, ok = cl.speaksFor(m.Cloud, as); !ok {
			return reasonNotAuthorized
		}
	}
	accepted := m.Cloud.publish(apps.Event{
		Subject: channel, ContentType: pk.Properties.ContentType, Data: pk.Payload,
		Application: cl.id.App, Device: device, Sender: cl.id.Device,
	})
	if !accepted {
		return reasonUnspecified
	}
	return 0
}

// speakers remembers whom a connection may publish for, and whom not.
type speakers map[string]speaker

type speaker struct {
	device string
	ok     bool
	until  time.Time
}

// maxSpeakers bounds what a connection remembers.
const maxSpeakers = 128

func (cl *client) speaksFor(c *Cloud, as string) (string, bool) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if known, ok := cl.allowed[as]; ok && time.Now().Before(known.until) {
		return known.device, known.ok
	}
	device, ok := c.SpeaksFor(cl.id, as)
	if c.opts.AuthCache > 0 {
		if cl.allowed == nil || len(cl.allowed) >= maxSpeakers {
			cl.allowed = speakers{}
		}
		cl.allowed[as] = speaker{device, ok, time.Now().Add(c.opts.AuthCache)}
	}
	return device, ok
}
