package droguetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"havn/upstream/drogue/droguetest/apps"
)

func (c *Cloud) say(app, device, text string) {
	c.publish(apps.Event{Subject: "foo", Application: app, Device: device, Sender: device, Data: []byte(text)})
}

// next returns the data of the next device event.
func next(t *testing.T, received chan *paho.Publish) string {
	t.Helper()
	for {
		p := <-received
		var e struct {
			Type string          `json:"type"`
			Data json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(p.Payload, &e); err != nil {
			t.Fatal(err)
		}
		if p.Topic != "app/app" || !strings.HasPrefix(p.Properties.ContentType, "application/cloudevents+json") {
			t.Errorf("delivered on %s as %s", p.Topic, p.Properties.ContentType)
		}
		if e.Type == apps.DeviceEvent {
			return string(e.Data)
		}
	}
}

func TestIntegrationSubscribe(t *testing.T) {
	c := newCloud(t, Options{})
	me, _ := connect(t, c.IntegrationURL, "me", "drg_me", "x", true)
	up(t, me)
	for filter, want := range map[string]byte{
		"app/app": 1, "application/app": 1, "a/app": 1, "$share/g/app/app": 1, "$shared/g/app/app": 1,
		"app/+": 0xA2, "#": 0xA2, "app/app/x": 0x8F, "foo/app": 0x8F, "app/nothing": 0x80,
	} {
		if got := subscribe(t, me, filter); got != want {
			t.Errorf("%s: %#x, want %#x", filter, got, want)
		}
	}
	nobody, _ := connect(t, c.IntegrationURL, "", "", "y", true)
	if !up(t, nobody) || subscribe(t, nobody, "app/app") != 0x87 {
		t.Error("anonymous may subscribe")
	}
	if wrong, _ := connect(t, c.IntegrationURL, "me", "wrong", "z", true); up(t, wrong) {
		t.Error("wrong token accepted")
	}
	if bearer, _ := connect(t, c.IntegrationURL, "oidc", "", "z", true); !up(t, bearer) {
		t.Error("bearer token not accepted")
	}
}

// TestConsumerGroups: a group gets each event once, goes on where it was after
// an outage, and a client without an identifier begins at the end.
func TestConsumerGroups(t *testing.T) {
	c := newCloud(t, Options{})
	c.say("app", "d1", "0") // nobody is there
	for _, filter := range []string{"$share/g/app/app", "$shared/g/app/app"} {
		cm, received := connect(t, c.IntegrationURL, "me", "drg_me", "", true)
		up(t, cm)
		subscribe(t, cm, filter)
		for i := 1; i <= 3; i++ {
			if filter[6] == '/' {
				c.say("app", "d1", fmt.Sprint(i))
			}
		}
		if filter[6] == '/' {
			for i := 1; i <= 2; i++ {
				if got := next(t, received); got != fmt.Sprint(i) {
					t.Errorf("event %s, want %d", got, i)
				}
			}
			for len(received) < 1 {
				time.Sleep(time.Millisecond)
			}
		} else if got := next(t, received); got != "4" {
			t.Errorf("after the outage: %s, want 4", got)
		}
		if err := cm.Disconnect(t.Context()); err != nil {
			t.Fatal(err)
		}
		waitGone(c)
		c.say("app", "d1", "4")
	}
	cm, received := connect(t, c.IntegrationURL, "me", "drg_me", "", true)
	up(t, cm)
	subscribe(t, cm, "app/app")
	c.say("app", "d1", "5")
	if got := next(t, received); got != "5" {
		t.Errorf("without a group: %s, want 5", got)
	}
}

// waitGone waits until no client has the turn of a group.
func waitGone(c *Cloud) {
	for {
		c.mu.Lock()
		free := true
		for _, g := range c.groups {
			free = free && len(g.turn) == 1
		}
		c.mu.Unlock()
		if free {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func TestPoison(t *testing.T) {
	c := newCloud(t, Options{})
	me, _ := connect(t, c.IntegrationURL, "me", "drg_me", "x", true)
	up(t, me)
	subscribe(t, me, "$share/g/app/app")
	c.call(t, "POST", c.HTTPURL+"/v1/foo?data_schema=urn:fine", "gw@app", "secret", "1")
	c.call(t, "POST", c.HTTPURL+"/v1/foo?data_schema=poison", "gw@app", "secret", "2")
	<-me.Done()
	again, received := connect(t, c.IntegrationURL, "me", "drg_me", "x", true)
	up(t, again)
	again.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "$share/g/app/app", QoS: 1}}})
	<-again.Done()
	if len(received) != 0 {
		t.Error("something came after the poison")
	}
}

func TestIntegrationCommands(t *testing.T) {
	c := newCloud(t, Options{})
	gw, received := connect(t, c.MQTTURL, "gw@app", "secret", "", true)
	up(t, gw)
	subscribe(t, gw, "command/inbox/#")
	me, _ := connect(t, c.IntegrationURL, "me", "drg_me", "x", true)
	up(t, me)
	reader, _ := connect(t, c.IntegrationURL, "reader", "drg_reader", "y", true)
	up(t, reader)
	if got := publish(t, reader, "command/app/d1/go", "", "1"); got != 0x87 {
		t.Errorf("reader: %#x", got)
	}
	c.PutDevice("app", "off", `{"core":{}}`, nil)
	for topic, want := range map[string]byte{
		"command/app/d1/go": 0, "COMMAND/app/d1/go": 0, "command/app/d1": 0x83, "command/app/d1/a/b": 0x83,
		"foo/app/d1/go": 0x83, "command/app/nobody/go": 0x87, "command/nothing/d1/go": 0x87,
		"command/app/off/go": 0, // acknowledged although it is refused
	} {
		if got := publish(t, me, topic, "", "1"); got != want {
			t.Errorf("%s: %#x, want %#x", topic, got, want)
		}
	}
	for range 2 {
		if p := <-received; p.Topic != "command/inbox/d1/go" || p.Properties.ContentType != "" {
			t.Errorf("received %s", p.Topic)
		}
	}
}

func TestEventForm(t *testing.T) {
	for name, test := range map[string]struct {
		event apps.Event
		want  string
	}{
		"JSON":   {apps.Event{ContentType: "application/json", Data: []byte(`{"a":1}`)}, `"data":{"a":1}`},
		"text":   {apps.Event{ContentType: "text/plain", Data: []byte("x")}, `"data":"x"`},
		"binary": {apps.Event{ContentType: "application/cbor", Data: []byte{0xa0}}, `"data_base64":"oA=="`},
		"source": {apps.Event{Application: "a", Device: "b/c"}, `"source":"drogue://a/b%2Fc"`},
	} {
		b, err := json.Marshal(test.event)
		if err != nil || !strings.Contains(string(b), test.want) {
			t.Errorf("%s: %s, %v", name, b, err)
		}
	}
}
