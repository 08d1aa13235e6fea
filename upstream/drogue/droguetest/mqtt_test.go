package droguetest

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"
)

// connect connects an MQTT client; received gets what is published to it.
func connect(t *testing.T, address, user, password, clientID string, clean bool) (*autopaho.ConnectionManager, chan *paho.Publish) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	received := make(chan *paho.Publish, 100)
	ctx, cancel := context.WithCancel(context.Background())
	cm, err := autopaho.NewConnection(ctx, autopaho.ClientConfig{
		ServerUrls: []*url.URL{u}, KeepAlive: 60,
		ReconnectBackoff: func(n int) time.Duration { return time.Duration(min(n, 1)) * time.Hour },
		OnConnectionDown: func() bool { cancel(); return false },
		OnConnectError:   func(error) { cancel() },
		ConnectPacketBuilder: func(p *paho.Connect, _ *url.URL) (*paho.Connect, error) {
			p.CleanStart, p.ClientID = clean, clientID
			p.Username, p.UsernameFlag, p.Password, p.PasswordFlag = user, user != "", []byte(password), password != ""
			return p, nil
		},
		ClientConfig: paho.ClientConfig{OnPublishReceived: []func(paho.PublishReceived) (bool, error){
			func(p paho.PublishReceived) (bool, error) { received <- p.Packet; return true, nil },
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); <-cm.Done() })
	return cm, received
}

func up(t *testing.T, cm *autopaho.ConnectionManager) bool {
	t.Helper()
	return cm.AwaitConnection(t.Context()) == nil
}

func subscribe(t *testing.T, cm *autopaho.ConnectionManager, filter string) byte {
	t.Helper()
	ack, err := cm.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: filter, QoS: 2}}})
	if ack == nil {
		t.Fatalf("%s: %v", filter, err)
	}
	return ack.Reasons[0]
}

func publish(t *testing.T, cm *autopaho.ConnectionManager, topic, contentType, payload string) byte {
	t.Helper()
	ack, err := cm.Publish(t.Context(), &paho.Publish{
		QoS: 1, Topic: topic, Payload: []byte(payload), Properties: &paho.PublishProperties{ContentType: contentType}})
	if ack == nil {
		t.Fatalf("%s: %v", topic, err)
	}
	return ack.ReasonCode
}

func TestMQTTConnect(t *testing.T) {
	c := newCloud(t, Options{})
	for _, test := range []struct {
		user, password, clientID string
		clean, want              bool
	}{
		{"gw@app", "secret", "any", true, true},
		{"gw@app", "secret", "", true, true},
		{"gw@app", "secret", "any", false, false},
		{"gw@app", "wrong", "any", true, false},
		{"u", "up", "d1@app", true, true},
		{"u", "up", "any", true, false},
		{"", "", "gw@app", true, false},
	} {
		cm, _ := connect(t, c.MQTTURL, test.user, test.password, test.clientID, test.clean)
		if got := up(t, cm); got != test.want {
			t.Errorf("%+v: connected is %v", test, got)
		}
	}
}

func TestMQTTEndpoint(t *testing.T) {
	c := newCloud(t, Options{})
	cm, received := connect(t, c.MQTTURL, "gw@app", "secret", "", true)
	up(t, cm)
	for filter, want := range map[string]byte{
		"command/inbox/#": 0, "command/inbox/+/#": 0, "command/inbox//#": 0, "command/inbox/d1/#": 0,
		"command/#": 0x8F, "#": 0x8F, "command/inbox/d1/x": 0x8F, "command/inbox/a/b/#": 0x8F,
	} {
		if got := subscribe(t, cm, filter); got != want {
			t.Errorf("%s: %#x, want %#x", filter, got, want)
		}
	}
	c.Command("app", "d1", "a", []byte("1"))
	c.Command("app", "gw", "b", nil)
	var topics []string
	for range 4 + 3 { // once for each filter that covers it
		p := <-received
		topics = append(topics, fmt.Sprint(p.Topic, p.QoS))
	}
	slices.Sort(topics)
	if got := slices.Compact(topics); fmt.Sprint(got) != "[command/inbox//b0 command/inbox/d1/a0]" {
		t.Errorf("received %v", got)
	}
	for topic, want := range map[string]byte{
		"foo": 0, "foo/gw": 0, "foo/d1": 0, "foo/alias1": 0, "foo/alone": 0x87, "foo/nobody": 0x87, "foo/d1/x": 0x90, "/d1": 0x90,
	} {
		if got := publish(t, cm, topic, "", "{}"); got != want {
			t.Errorf("%s: %#x, want %#x", topic, got, want)
		}
	}
	if got := publish(t, cm, "foo", "application/json", "{"); got != 0x80 {
		t.Errorf("bad JSON: %#x", got)
	}
	c.PutDevice("app", "alone", `{"gatewaySelector":{"matchNames":["gw"]}}`, nil)
	if got := publish(t, cm, "foo/alone", "", "{}"); got != 0x87 {
		t.Errorf("the refusal is not remembered: %#x", got)
	}
	if n := len(c.Events("app", "d1")); n != 2 {
		t.Errorf("%d events", n)
	}
	if e := c.Events("app", "d1")[0]; e.Sender != "gw" || e.Device != "d1" {
		t.Errorf("event %+v", e)
	}
}

func TestTakeoverAndLimit(t *testing.T) {
	c := newCloud(t, Options{})
	old, _ := connect(t, c.MQTTURL, "gw@app", "secret", "one", true)
	up(t, old)
	young, _ := connect(t, c.MQTTURL, "gw@app", "secret", "two", true)
	up(t, young)
	<-old.Done()
	if publish(t, young, "foo", "", "{}") != 0 {
		t.Error("the new session does not publish")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if ack, _ := young.Publish(ctx, &paho.Publish{QoS: 1, Topic: "foo", Payload: make([]byte, maxPacket)}); ack != nil {
		t.Error("a packet of more than 16 KiB was acknowledged")
	}
	<-young.Done()
}
