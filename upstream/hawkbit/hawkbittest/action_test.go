package hawkbittest

import (
	"strings"
	"testing"
)

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
