package hawkbittest

import (
	"strings"
	"testing"
)

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

func FuzzFeedback(f *testing.F) {
	f.Add([]byte(say("closed", "success")))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, ok := readFeedback(b); ok && (got.Status == nil || got.Status.Result == nil) {
			t.Errorf("%s", b)
		}
	})
}
