package hawkbittest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPollAsDocumented(t *testing.T) {
	c := newClient(t, Config{})
	c.wantLinks("configData")
	c.want(200, "PUT", base+"/configData", `{"data":{"k":"v"}}`)
	got := c.want(200, "GET", base, "")
	if got.Body.String() != `{"config":{"polling":{"sleep":"00:05:00"}}}` {
		t.Error(got.Body)
	}
	etag := got.Header().Get("ETag")
	if w := c.want(304, "GET", base, "", "If-None-Match: "+etag); w.Body.Len() != 0 {
		t.Error(w.Body)
	}
	c.assign(Assignment{})
	c.want(200, "GET", base, "", "If-None-Match: "+etag)
}

func TestAccess(t *testing.T) {
	c := newClient(t, Config{TargetTokens: map[string]string{"dev1": "t"}})
	for _, authorization := range []string{"", "gatewaytoken g", "GatewayToken x", "GatewayToken ", "TargetToken g"} {
		if w := c.want(401, "GET", base, "", "Authorization: "+authorization); w.Body.Len() != 0 {
			t.Error(w.Body)
		}
	}
	c.want(401, "GET", "/OTHER/controller/v1/dev1", "")
	c.want(401, "GET", "/DEFAULT/controller/v1/dev2", "", "Authorization: TargetToken t")
	c.want(200, "GET", base, "", "Authorization: TargetToken t")
	c.want(400, "GET", "/DEFAULT/controller/v1/"+strings.Repeat("x", 257), "")
	c.want(405, "PUT", base, `{}`)
	c.want(405, "DELETE", base+"/deploymentBase/1", "")
	c.want(406, "GET", base, "", "Accept: text/html")
	c.want(415, "PUT", base+"/configData", `{"data":{"k":"v"}}`, "Content-Type: application/hal+json")
	c.want(404, "GET", base+"/nothing", "")
	c.want(404, "GET", "/", "")
}

func TestConfigData(t *testing.T) {
	c := newClient(t, Config{})
	c.want(404, "PUT", base+"/configData", `{"data":{"k":"v"}}`)
	c.links()
	c.want(200, "PUT", base+"/configData", `{"data":{"a":"1","b":"2"}}`)
	c.want(200, "PUT", base+"/configData", `{"mode":"remove","data":{"a":"1"}}`)
	if diff := cmp.Diff(map[string]string{"b": "2"}, c.Attributes("dev1")); diff != "" {
		t.Error(diff)
	}
	c.want(200, "PUT", base+"/configData", `{"mode":"replace","data":{"c":"3"}}`)
	if diff := cmp.Diff(map[string]string{"c": "3"}, c.Attributes("dev1")); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{`{"data":{}}`, `{"mode":"x","data":{"k":"v"}}`, `{"data":{"k":"ü"}}`, `[]`} {
		c.want(400, "PUT", base+"/configData", bad)
	}
}

func TestFaults(t *testing.T) {
	c := newClient(t, Config{})
	c.Inject(Fault{Match: "GET " + base, Times: 2, Status: 503, Body: "busy", Header: http.Header{"Retry-After": {"3"}}})
	for range 2 {
		if w := c.want(503, "GET", base, ""); w.Body.String() != "busy" || w.Header().Get("Retry-After") != "3" {
			t.Error(w.Body)
		}
	}
	c.want(200, "GET", base, "")
	c.Inject(Fault{Status: 500})
	c.Heal()
	c.want(200, "GET", base, "")
	if n := len(c.Requests()); n != 4 {
		t.Errorf("%d requests", n)
	}
}
