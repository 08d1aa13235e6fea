package main

import (
	"fmt"
	"strings"
	"testing"
)

// registryFaults are the ways in which a registry fails, and how the gateway
// calls them.
var registryFaults = []struct {
	name    string
	fault   fault // nil: the registry is down
	reason  string
	counter string
}{
	{"down", nil, "connection refused", "gateway_resolve_failures_total"},
	{"500", internalError, "500 Internal Server Error", "gateway_resolve_failures_total"},
	{"wrong bytes", wrongBytes, "does not match its digest",
		`gateway_fetches_total{result="digest",source="container"}`},
	{"truncated", truncated, "unexpected EOF",
		`gateway_fetches_total{result="failed",source="container"}`},
	{"hang", hang, "", ""}, // nothing is known before a minute has passed
}

// TestRegistryFaults: while a registry fails, what is held stays served; what
// is not makes devices wait and says why; and once the registry is back, all
// go on by themselves.
func TestRegistryFaults(t *testing.T) {
	for _, tt := range registryFaults {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			u := newUnreliable(t)
			s := newSite(t, u.host, fmt.Sprintf("  prefix: %q\n  desired:\n"+
				"    - {application: held, container: {image: \"held/fw:stable\"}}\n"+
				"    - {application: new, container: {image: \"new/fw:stable\"}}\n", u.host))
			old := u.publish(s, "held/fw:stable", "v1", 5002)
			s.start()
			s.updates("write", "held/a", "v0", "v1", old)

			if u.fail(tt.fault); tt.fault == nil {
				u.down()
			}
			next := u.publish(s, "held/fw:stable", "v2", 6002)
			first := u.publish(s, "new/fw:stable", "w1", 7002)
			s.updates("write", "held/b", "v0", "v1", old)
			s.updates("block", "held/c", "v0", "v1", old)
			s.mustWait("new/d", "w0")
			s.says("new/d", "new/fw:stable", tt.reason)
			if tt.counter != "" {
				s.says("held/a", "held/fw:stable", tt.reason)
				s.counts(tt.counter)
			}
			s.mustWait("new/d", "w0")
			if v := s.row("new/d"); !strings.Contains(v.Error, tt.reason) {
				t.Errorf("after the device asked again its row says %q", v.Error)
			}

			u.recover()
			s.updates("write", "held/a", "v1", "v2", next)
			s.updates("block", "held/b", "v1", "v2", next)
			s.updates("write", "new/d", "w0", "w1", first)
			s.updates("block", "new/e", "w0", "w1", first)
		})
	}
}
