package hawkbittest

import (
	"bytes"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"net/http"
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

func TestDeployment(t *testing.T) {
	c := newClient(t, Config{})
	id := c.assign(Assignment{})
	for range 3 {
		c.want(200, "GET", base+"/deploymentBase/1", "")
	}
	w := c.want(200, "GET", base+"/deploymentBase/1?actionHistory=1", "")
	for _, part := range []string{
		`"id":"1"`, `"download":"forced"`, `"update":"forced"`, `"part":"os"`, `"version":"1.0"`, `"size":26`,
		`"download-http":{"href":"http://h.test` + base + `/softwaremodules/1/artifacts/fw.bin"}`,
		`"md5sum-http":{"href":"http://h.test` + base + `/softwaremodules/1/artifacts/fw.bin.MD5SUM"}`,
		`"sha256":"`, `"actionHistory":{"messages":[`,
	} {
		if !strings.Contains(w.Body.String(), part) {
			t.Errorf("%s is not in %s", part, w.Body)
		}
	}
	if n := len(c.Action(id).Entries); n != 2 {
		t.Errorf("%d entries, want one for several reads", n)
	}
	for _, foreign := range []string{"/deploymentBase/9", "/deploymentBase/0", "/deploymentBase/x"} {
		c.want(404, "GET", base+foreign, "")
	}
	c.want(404, "GET", "/DEFAULT/controller/v1/dev2/deploymentBase/1", "")
}

func TestFeedback(t *testing.T) {
	for _, test := range []struct {
		execution, finished, status string
		active                      bool
	}{
		{"closed", "success", Finished, false}, {"closed", "none", Finished, false},
		{"closed", "failure", Error, false}, {"canceled", "none", Canceled, true},
		{"rejected", "none", Warning, true}, {"download", "none", Download, true},
		{"downloaded", "none", Downloaded, true}, {"proceeding", "none", Running, true},
	} {
		c := newClient(t, Config{})
		id := c.assign(Assignment{})
		c.want(200, "POST", base+"/deploymentBase/1/feedback", say(test.execution, test.finished))
		a := c.Action(id)
		if last := a.Entries[len(a.Entries)-1]; last.Status != test.status || a.Active != test.active {
			t.Errorf("%+v: %+v", test, a)
		}
		if !test.active {
			c.want(410, "POST", base+"/deploymentBase/1/feedback", say("closed", "success"))
		}
	}
}

func TestFeedbackRefused(t *testing.T) {
	c := newClient(t, Config{CheckID: true})
	c.assign(Assignment{})
	const path = base + "/deploymentBase/1/feedback"
	for _, bad := range []string{
		"{", "{}", `{"status":{}}`, say("closed", "failed"), say("finished", "none"),
		`{"status":{"execution":"closed"}}`,
	} {
		if w := c.want(400, "POST", path, bad); !strings.Contains(w.Body.String(), "body.notReadable") {
			t.Error(w.Body)
		}
	}
	c.want(404, "POST", path, strings.Replace(say("closed", "success"), `"1"`, `"2"`, 1))
	c.want(404, "POST", base+"/deploymentBase/7/feedback", say("closed", "success"))
	c.want(200, "POST", path, strings.Replace(say("proceeding", "none"), `"1"`, `1`, 1))
	many := strings.Replace(say("proceeding", "none"), `"d"`, `"`+strings.Repeat("x", 51*512)+`"`, 1)
	c.want(429, "POST", path, many)
}

func TestQuota(t *testing.T) {
	c := newClient(t, Config{Quota: 3})
	c.assign(Assignment{})
	c.want(200, "GET", base+"/deploymentBase/1", "")
	c.want(200, "POST", base+"/deploymentBase/1/feedback", say("proceeding", "none"))
	w := c.want(429, "POST", base+"/deploymentBase/1/feedback", say("proceeding", "none"))
	if !strings.Contains(w.Body.String(), `"hawkbit.server.error.quota.tooManyEntries"`) {
		t.Error(w.Body)
	}
	const file = base + "/softwaremodules/1/artifacts/fw.bin"
	c.want(429, "GET", base+"/deploymentBase/1", "")
	c.want(429, "GET", file, "")
	c.want(206, "GET", file, "", "Range: bytes=0-")
	c.want(200, "POST", base+"/deploymentBase/1/feedback", say("closed", "success"))
}

func TestCancel(t *testing.T) {
	for _, test := range []struct {
		execution, finished, status string
		active                      bool
	}{
		{"closed", "success", Canceled, false}, {"closed", "failure", Running, true},
		{"rejected", "none", Running, true}, {"canceled", "none", Canceling, true},
	} {
		c := newClient(t, Config{})
		id := c.assign(Assignment{})
		c.want(404, "GET", base+"/cancelAction/1", "")
		c.want(405, "POST", base+"/cancelAction/1/feedback", say("closed", "success"))
		c.Cancel(id)
		c.wantLinks("cancelAction", "configData")
		c.want(404, "GET", base+"/deploymentBase/1", "")
		c.want(404, "GET", base+"/softwaremodules/1/artifacts/fw.bin", "")
		w := c.want(200, "GET", base+"/cancelAction/1", "")
		if w.Body.String() != `{"cancelAction":{"stopId":"1"},"id":"1"}` {
			t.Error(w.Body)
		}
		c.want(200, "POST", base+"/cancelAction/1/feedback", say(test.execution, test.finished))
		if a := c.Action(id); a.Status != test.status || a.Active != test.active {
			t.Errorf("%+v: %+v", test, a)
		}
	}
}

func TestNewAssignmentCancelsTheOld(t *testing.T) {
	c := newClient(t, Config{})
	c.assign(Assignment{})
	c.assign(Assignment{})
	c.wantLinks("cancelAction", "configData")
	c.want(200, "POST", base+"/cancelAction/1/feedback", say("closed", "success"))
	c.want(200, "GET", base+"/deploymentBase/2", "")
	c.Configure(func(cfg *Config) { cfg.MultiAssign = true })
	c.assign(Assignment{Weight: 10})
	if body := c.want(200, "GET", base, "").Body.String(); !strings.Contains(body, "deploymentBase/3") {
		t.Errorf("the heaviest is not first: %s", body)
	}
}

func TestConfirmation(t *testing.T) {
	c := newClient(t, Config{})
	id := c.assign(Assignment{Confirm: true})
	c.wantLinks("confirmationBase", "configData")
	c.want(404, "GET", base+"/deploymentBase/1", "")
	c.want(404, "POST", base+"/deploymentBase/1/feedback", say("closed", "success"))
	if w := c.want(200, "GET", base+"/confirmationBase/1", ""); !strings.Contains(w.Body.String(), `"confirmation":{`) {
		t.Error(w.Body)
	}
	c.want(400, "POST", base+"/confirmationBase/1/feedback", `{"confirmation":"perhaps"}`)
	c.want(200, "POST", base+"/confirmationBase/1/feedback", `{"confirmation":"denied"}`)
	if a := c.Action(id); a.Status != Waiting {
		t.Errorf("%+v", a)
	}
	c.want(200, "POST", base+"/confirmationBase/1/feedback", `{"confirmation":"confirmed"}`)
	c.want(404, "POST", base+"/confirmationBase/1/feedback", `{"confirmation":"confirmed"}`)
	c.wantLinks("deploymentBase", "configData")
}

func TestAutoConfirm(t *testing.T) {
	c := newClient(t, Config{})
	c.assign(Assignment{Confirm: true})
	c.want(200, "POST", base+"/confirmationBase/activateAutoConfirm", "")
	c.want(409, "POST", base+"/confirmationBase/activateAutoConfirm", "")
	c.wantLinks("deploymentBase", "configData")
	c.want(200, "GET", base+"/confirmationBase", "")
	c.want(200, "POST", base+"/confirmationBase/deactivateAutoConfirm", "")
}

func TestWindow(t *testing.T) {
	c := newClient(t, Config{})
	id := c.assign(Assignment{Window: true})
	before := c.want(200, "GET", base, "").Body.String()
	if w := c.want(200, "GET", base+"/deploymentBase/1", ""); !strings.Contains(w.Body.String(),
		`"download":"forced","maintenanceWindow":"unavailable","update":"skip"`) {
		t.Error(w.Body)
	}
	c.SetWindow(id, true)
	if after := c.want(200, "GET", base, "").Body.String(); after == before {
		t.Error("the link does not change with the window")
	}
	if w := c.want(200, "GET", base+"/deploymentBase/1", ""); !strings.Contains(w.Body.String(),
		`"maintenanceWindow":"available","update":"forced"`) {
		t.Error(w.Body)
	}
}

func TestInstalled(t *testing.T) {
	c := newClient(t, Config{})
	c.assign(Assignment{})
	c.want(404, "GET", base+"/installedBase/1", "")
	c.want(200, "PUT", base+"/configData", `{"data":{"k":"v"}}`)
	c.want(200, "POST", base+"/deploymentBase/1/feedback", say("closed", "success"))
	c.wantLinks("installedBase", "configData")
	c.want(200, "GET", base+"/installedBase/1", "")
	c.want(404, "GET", base+"/softwaremodules/1/artifacts/fw.bin", "")
}

func TestArtifacts(t *testing.T) {
	c := newClient(t, Config{})
	id := c.assign(Assignment{})
	const file = base + "/softwaremodules/1/artifacts/fw.bin"
	w := c.want(200, "GET", file, "")
	if !bytes.Equal(w.Body.Bytes(), data) || w.Header().Get("Accept-Ranges") != "bytes" {
		t.Errorf("%q %v", w.Body, w.Header())
	}
	etag := w.Header().Get("ETag")
	c.want(200, "GET", file, "", "If-None-Match: "+etag)
	c.want(412, "GET", file, "", "If-Match: \"other\"")
	c.want(200, "GET", file, "", "If-Match: "+strings.Trim(etag, `"`))
	if w := c.want(206, "GET", file, "", "Range: bytes=4-11", "If-Range: "+etag); w.Body.String() != "firmware" ||
		w.Header().Get("Content-Range") != "bytes 4-11/26" {
		t.Errorf("%q %v", w.Body, w.Header())
	}
	if w := c.want(416, "GET", file, "", "Range: bytes=26-"); w.Header().Get("Content-Range") != "bytes */26" {
		t.Error(w.Header())
	}
	w = c.want(200, "GET", file+".MD5SUM", "")
	if w.Body.String() != fmt.Sprintf("%x  fw.bin", md5.Sum(data)) {
		t.Error(w.Body)
	}
	c.want(200, "GET", base+"/softwaremodules/1/artifacts", "")
	c.want(404, "GET", base+"/softwaremodules/1/artifacts/other", "")
	c.want(404, "GET", base+"/softwaremodules/2/artifacts/fw.bin", "")
	if n := len(c.Action(id).Entries); n != 4 { // assigned, and three whole answers
		t.Errorf("%d entries: %+v", n, c.Action(id).Entries)
	}
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

func FuzzFeedback(f *testing.F) {
	f.Add([]byte(say("closed", "success")))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, ok := readFeedback(b); ok && (got.Status == nil || got.Status.Result == nil) {
			t.Errorf("%s", b)
		}
	})
}
