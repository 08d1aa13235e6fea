package droguetest

import (
	"encoding/json"
	"strings"

	"github.com/mochi-mqtt/server/v2/packets"
)

// integration is the MQTT integration of applications.
type integration struct{ *Cloud }

func (integration) kind() Kind { return Integration }

// connect accepts a user with an access token, one OpenID token in either
// place, or nobody.
func (i integration) connect(cl *client, p packets.ConnectParams) (ok bool) {
	user, password := string(p.Username), string(p.Password)
	switch {
	case user != "" && password != "":
		cl.user, ok = i.Member(user, password, "")
	default:
		cl.user, ok = i.Member("", "", user+password)
	}
	return ok
}

func (integration) connected(*client)    {}
func (integration) disconnected(*client) {}

// group is a consumer group: a place in the stream of an application, and the
// turn to deliver from it.
type group struct {
	turn chan struct{} // holds one token; who has it may use next
	next int           // position of the next event
}

// subscribe delivers the events of an application from where the group is.
func (i integration) subscribe(cl *client, filter string, qos byte) byte {
	stripped, shared := filter, ""
	for _, prefix := range []string{"$share/", "$shared/"} {
		if rest, ok := strings.CutPrefix(filter, prefix); ok {
			shared, stripped, _ = strings.Cut(rest, "/")
		}
	}
	kind, app, ok := strings.Cut(stripped, "/")
	switch {
	case strings.ContainsAny(filter, "+#"):
		return reasonNoWildcards
	case !ok || (kind != "app" && kind != "application" && kind != "a") || strings.Contains(app, "/"):
		return reasonFilterInvalid
	}
	end, exists := i.End(app)
	switch {
	case !exists:
		return reasonUnspecified
	case cl.user == nil:
		return reasonNotAuthorized
	}
	qos = min(qos, 1)
	g := i.group(cl, app, shared, end)
	i.work.Go(func() { i.deliver(cl, g, app, stripped, qos) })
	return qos
}

// group finds the consumer group. A new one begins at the end of the stream.
func (i integration) group(cl *client, app, shared string, end int) *group {
	i.mu.Lock()
	defer i.mu.Unlock()
	name := app + "." + shared
	if shared == "" {
		name = app + "." + cl.clientID
	}
	g := i.groups[name]
	if g == nil || (shared == "" && cl.clientID == "") {
		g = &group{turn: make(chan struct{}, 1), next: end}
		g.turn <- struct{}{}
		i.groups[name] = g
	}
	return g
}

// deliver sends one event at a time until the client goes.
func (i integration) deliver(cl *client, g *group, app, topic string, qos byte) {
	for id := uint16(1); ; id = id%0xffff + 1 {
		select {
		case <-cl.done:
			return
		case <-g.turn:
		}
		ok := i.deliverNext(cl, g, app, topic, qos, id)
		g.turn <- struct{}{}
		if !ok {
			return
		}
	}
}

// deliverNext sends the next event and waits for its acknowledgement: only
// then has the group passed it.
func (i integration) deliverNext(
	cl *client, g *group, app, topic string, qos byte, id uint16,
) bool {
	e, at, ok := i.Await(cl.done, app, g.next)
	if !ok {
		return false
	}
	g.next = at
	if e.Poison() {
		cl.Stop(packets.ErrUnspecifiedError)
		return false
	}
	payload, err := json.Marshal(e)
	if err != nil {
		return false
	}
	if qos == 0 {
		id = 0
	}
	if cl.send(topic, "application/cloudevents+json; charset=utf-8", payload, qos, id) != nil {
		return false
	}
	if qos > 0 && !cl.acked(id) {
		return false
	}
	g.next++
	return true
}

// acked waits until the client acknowledges id; false = it went away.
func (cl *client) acked(id uint16) bool {
	for {
		select {
		case <-cl.done:
			return false
		case got := <-cl.acks:
			if got == id {
				return true
			}
		}
	}
}

// publish sends a command: command/APP/DEVICE/NAME. That it was refused is not
// said.
func (i integration) publish(cl *client, pk packets.Packet) byte {
	parts := strings.Split(pk.TopicName, "/")
	if len(parts) != 4 || !strings.EqualFold(parts[0], "command") {
		return 0x83
	}
	app, device := parts[1], parts[2]
	if _, exists := i.Device(app, device); !exists || cl.user == nil || cl.user.Reader {
		return reasonNotAuthorized
	}
	i.Command(app, device, parts[3], pk.Payload)
	return 0
}
