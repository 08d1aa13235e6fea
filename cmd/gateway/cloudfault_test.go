package main

import (
	"fmt"
	"testing"
	"time"

	"havn/upstream/drogue/droguetest"
	"havn/upstream/drogue/droguetest/wire"
)

// cloudFaults are the ways in which the cloud fails a gateway that runs, and
// what its log then says, each on one line.
var cloudFaults = []struct {
	name string
	fail func(c *cloud)
	says [][]string
	mend func(c *cloud) // nil: the cloud recovers by itself
}{
	{"hangs", func(c *cloud) { c.reach(wire.Hang) }, nil, nil}, // nothing is known before its time is over
	{"500", func(c *cloud) { c.inject(500, 0x97) }, [][]string{
		{"device registry", "what it last said stays in force", "answer 500"},
		{"events are kept until it is back", "upstream=registry", "answer 500"},
		{"events are kept until it is back", `upstream="drogue app"`, "its queue is full"},
	}, nil},
	{"429", func(c *cloud) {
		c.Inject(droguetest.Registry, wire.Fault{Status: 429, RetryAfter: time.Second})
	}, [][]string{{"events are kept until it is back", "upstream=registry", "answer 429"}}, nil},
	{"409", func(c *cloud) {
		c.Inject(droguetest.Registry, wire.Fault{Method: "PUT", Status: 409})
	}, [][]string{{"events are kept until it is back", "upstream=registry", "changed by somebody else"}}, nil},
	{"half of each answer", func(c *cloud) {
		c.Inject(droguetest.Registry, wire.Fault{Half: true})
		c.Inject(droguetest.MQTT, wire.Fault{Half: true})
	}, [][]string{
		{"events are kept until it is back", "upstream=registry", "EOF"},
		{"events are kept until it is back", `upstream="drogue app"`, "connection was lost"},
	}, nil},
	{"token refused", func(c *cloud) { c.file(c.token, "old") }, [][]string{
		{"what it last said stays in force", "check upstream.drogue.registry.user and token_file"},
	}, func(c *cloud) { c.file(c.token, rightPassword) }},
	{"password refused", func(c *cloud) {
		c.file(c.password, "old")
		c.Set(droguetest.MQTT, wire.Away) // it is shown when a connection is made
		c.Set(droguetest.MQTT, wire.Up)
	}, [][]string{
		{"MQTT broker", "check user name and password"},
	}, func(c *cloud) { c.file(c.password, rightPassword) }},
}

func (c *cloud) inject(status int, reason int) {
	c.Inject(droguetest.Registry, wire.Fault{Status: status})
	c.Inject(droguetest.MQTT, wire.Fault{Status: reason})
}

// TestCloudFaults: while the cloud fails, one process goes on serving devices
// and says what is wrong; when that is mended, SIGHUP at the latest lets all of
// it arrive. Meanwhile one device does not list the gateway in its
// gatewaySelector: it holds up nobody, and its state arrives once it does.
func TestCloudFaults(t *testing.T) {
	t.Parallel()
	c, u := newCloud(t, droguetest.Options{}), newUnreliable(t)
	s := newSite(t, u.host, c.section())
	c.desire(u.host + "/app/fw:stable")
	c.add("d")
	c.PutDevice("app", "stranger", "", nil)
	firmware := u.publish(s, "app/fw:stable", "v0", 1000)
	s.start()
	s.updates("write", "app/d", "new", "v0", firmware)
	s.updates("write", "app/stranger", "new", "v0", firmware)
	c.knows("v0", "d")
	s.logsAll("event refused", "device=stranger", `add \"gw\" to spec.gatewaySelector.matchNames`)
	for i, tt := range cloudFaults {
		from, to := fmt.Sprint("v", i), fmt.Sprint("v", i+1)
		tt.fail(c)
		s.updates(modes[i%2], "app/d", from, to, u.publish(s, "app/fw:stable", to, 5002))
		for _, line := range tt.says {
			s.logsAll(line...)
		}
		c.Heal(droguetest.Registry)
		c.Heal(droguetest.MQTT)
		if c.reach(wire.Up); tt.mend != nil {
			tt.mend(c)
			s.hangup()
		}
		c.knows(to, "d")
	}
	c.add("stranger")
	s.hangup()
	c.tells([]string{"stranger"}, func(last told, _ firmwareStatus) bool { return last.Current == "v0" })
	last := fmt.Sprint("v", len(cloudFaults)+1)
	s.updates("block", "app/stranger", "v0", last, u.publish(s, "app/fw:stable", last, 5002))
	c.knows(last, "stranger")
	s.stop()
}
