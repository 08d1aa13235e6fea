package hawkbittest

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const base = "/DEFAULT/controller/v1/dev1"

var data = []byte("the firmware of the device")

// client talks to a server without a network.
type client struct {
	*Server
	t *testing.T
}

func newClient(t *testing.T, cfg Config) client {
	cfg.GatewayToken = "g"
	return client{New(cfg), t}
}

// do sends a request with headers "NAME: VALUE" and returns its answer.
func (c client) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://h.test"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "GatewayToken g")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w
}

func (c client) want(code int, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	c.t.Helper()
	w := c.do(method, path, body, headers...)
	if w.Code != code {
		c.t.Errorf("%s %s %s %v: %d %s, want %d", method, path, body, headers, w.Code, w.Body, code)
	}
	return w
}

func (c client) links() (rels []string) {
	c.t.Helper()
	var p struct {
		Links map[string]struct{ Href string } `json:"_links"`
	}
	if err := json.Unmarshal(c.want(200, "GET", base, "").Body.Bytes(), &p); err != nil {
		c.t.Fatal(err)
	}
	for _, rel := range []string{"deploymentBase", "cancelAction", "confirmationBase", "installedBase", "configData"} {
		if p.Links[rel].Href != "" {
			rels = append(rels, rel)
		}
	}
	return rels
}

func (c client) wantLinks(rels ...string) {
	c.t.Helper()
	if diff := cmp.Diff(rels, c.links()); diff != "" {
		c.t.Error(diff)
	}
}

func (c client) assign(a Assignment) int {
	a.Controller, a.Modules = "dev1", Firmware("1.0", "fw.bin", data)
	return c.Assign(a)
}

func say(execution, finished string) string {
	return fmt.Sprintf(`{"id":"1","status":{"execution":%q,"result":{"finished":%q},"details":["d"]}}`, execution, finished)
}
