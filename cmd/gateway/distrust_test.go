package main

import (
	"fmt"
	"strings"
	"testing"

	"havn/upstream/drogue/droguetest"
)

// TestCloudNotTrusted: a gateway that does not trust the cloud's certificate
// says which keys to look at, and serves what local rules say. What it could
// not tell arrives after the restart with the right authority.
func TestCloudNotTrusted(t *testing.T) {
	t.Parallel()
	c, u := newCloud(t, droguetest.Options{TLS: true}), newUnreliable(t)
	rule := fmt.Sprintf("  desired: [{application: app, device: d, container: {image: %q}}]\n", u.host+"/app/fw:v1")
	right := rule + c.section()
	s := newSite(t, u.host, strings.ReplaceAll(right, c.ca, ""))
	c.add("d")
	firmware := u.publish(s, "app/fw:v1", "v1", 5002)
	s.start()
	s.updates("write", "app/d", "v0", "v1", firmware)
	const why = "certificate signed by unknown authority"
	s.logsAll("events are kept until it is back", "upstream=registry", why, "upstream.drogue.registry.ca")
	s.logsAll("MQTT broker", "gateway device gw of app", why, "ca has to name a PEM file")
	s.stop()
	if n := c.count(); n > 0 {
		t.Errorf("%d events reached a cloud that is not trusted", n)
	}
	s.configure(func(text string) string { return strings.ReplaceAll(text, `ca: ""`, fmt.Sprintf("ca: %q", c.ca)) })
	s.start()
	c.knows("v1", "d")
	s.stop()
}
