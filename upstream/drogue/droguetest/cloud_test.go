package droguetest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"havn/upstream/drogue/droguetest/apps"
)

func TestMain(m *testing.M) {
	defer http.DefaultClient.CloseIdleConnections()
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}

// newCloud has the application app with the devices gw, d1 (which lists gw)
// and alone, and the users me and reader.
func newCloud(t *testing.T, opts Options) *Cloud {
	t.Helper()
	c, err := Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	c.AddUser(apps.User{Name: "me", Token: "drg_me", Bearer: "oidc"})
	c.AddUser(apps.User{Name: "reader", Token: "drg_reader", Reader: true})
	c.PutApplication("app", "")
	c.PutDevice("app", "gw", `{"authentication":{"credentials":[{"pass":"secret"}]}}`, nil)
	c.PutDevice("app", "d1", `{"gatewaySelector":{"matchNames":["gw"]},
		"authentication":{"credentials":[{"pass":{"plain":"own"}},
			{"user":{"username":"u","password":"up"}},{"user":{"username":"only","password":"op","unique":true}}]},
		"alias":["alias1"]}`, map[string]string{"site": "north"})
	c.PutDevice("app", "alone", `{}`, nil)
	return c
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (c *Cloud) call(t *testing.T, method, address, user, password, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func TestHTTPAuthentication(t *testing.T) {
	c := newCloud(t, Options{})
	for _, test := range []struct {
		query, user, password string
		want                  int
	}{
		{"", "gw@app", "secret", 202},
		{"", "gw@app", "wrong", 403},
		{"", "gw", "secret", 403},
		{"?application=app", "gw", "secret", 202},
		{"?application=app", "gw@app", "secret", 403},
		{"?application=app&device=d1", "u", "up", 202},
		{"?application=app&device=d1", "x", "up", 403},
		{"?device=d1", "u@app", "up", 202},
		{"", "alias1@app", "own", 202},
		{"", "only@app", "op", 202},
		{"", "u@app", "up", 403},
		{"", "%67w@app", "secret", 202},
		{"", "gw@nothing", "secret", 403},
		{"", "", "", 403},
		{"?as=d1", "gw@app", "secret", 202},
		{"?as=alias1", "gw@app", "secret", 202},
		{"?as=gw", "gw@app", "secret", 202},
		{"?as=alone", "gw@app", "secret", 403},
		{"?as=nobody", "gw@app", "secret", 403},
		{"?as=gw", "d1@app", "own", 403},
		{"?ct=x", "gw@app", "secret", 400},
		{"?ct=-1", "gw@app", "secret", 400},
	} {
		got := c.call(t, "POST", c.HTTPURL+"/v1/foo"+test.query, test.user, test.password, "{}")
		if got.status != test.want {
			t.Errorf("%s %s:%s: %d, want %d", test.query, test.user, test.password, got.status, test.want)
		}
		if test.want == 403 && !strings.Contains(got.body, `"AuthenticationError"`) {
			t.Errorf("403 says %s", got.body)
		}
	}
	c.PutApplication("app", `{"core":{"disabled":true}}`)
	if got := c.call(t, "POST", c.HTTPURL+"/v1/foo", "gw@app", "secret", ""); got.status != 403 {
		t.Errorf("disabled application: %d", got.status)
	}
}

func TestHTTPContent(t *testing.T) {
	c := newCloud(t, Options{})
	for _, test := range []struct {
		contentType, body string
		status            int
		stored            string
	}{
		{"application/json", `{"a":1}`, 202, "application/json"},
		{"application/senml+json", `[]`, 202, "application/json"},
		{"application/json", `{`, 406, ""},
		{"application/cbor", "1", 202, "application/cbor"},
		{"", "1", 202, "application/json"}, // a trap: CBOR that looks like JSON
		{"", "\xa0", 202, "application/octet-stream"},
		{"text/plain", "x", 202, "text/plain"},
		{"", strings.Repeat("x", maxBody+1), 413, ""},
	} {
		n := len(c.Events("app", "gw"))
		got := c.call(t, "POST", c.HTTPURL+"/v1/foo/lost/suffix", "gw@app", "secret", test.body, "Content-Type", test.contentType)
		events := c.Events("app", "gw")[n:]
		if got.status != test.status || (len(events) == 1) != (test.stored != "") {
			t.Errorf("%s %.10q: %d, %d events", test.contentType, test.body, got.status, len(events))
			continue
		}
		if test.stored != "" && (events[0].ContentType != test.stored || events[0].Subject != "foo") {
			t.Errorf("%s %.10q: stored as %+v", test.contentType, test.body, events[0])
		}
	}
}

// TestLongPoll: a command that comes right after the event is missed, unless
// the poll is fair.
func TestLongPoll(t *testing.T) {
	for _, fair := range []bool{false, true} {
		var c *Cloud
		c = newCloud(t, Options{FairPoll: fair, OnEvent: func(e apps.Event) {
			if e.Subject == "fast" {
				c.Command("app", e.Device, "go", []byte("now"))
			}
		}})
		got := c.call(t, "POST", c.HTTPURL+"/v1/fast?ct=1&as=d1", "gw@app", "secret", "{}")
		want := answer{status: 202}
		if fair {
			want = answer{status: 200, body: "now"}
		}
		if got.status != want.status || got.body != want.body || (got.header.Get("command") == "go") != fair {
			t.Errorf("fair %v: %d %q", fair, got.status, got.body)
		}
		done := make(chan answer, 1)
		go func() { done <- c.call(t, "POST", c.HTTPURL+"/v1/slow?commandTimeout=10", "gw@app", "secret", "{}") }()
		for len(done) == 0 {
			c.Command("app", "d1", "later", []byte("x")) // of any device it speaks for
			time.Sleep(time.Millisecond)
		}
		if got := <-done; got.status != 200 || got.header.Get("command") != "later" || got.body != "x" {
			t.Errorf("fair %v: %+v", fair, got)
		}
	}
}

func TestCommandTargets(t *testing.T) {
	c := newCloud(t, Options{})
	received := make(chan string, 10)
	for _, name := range []string{"gw", "d1"} {
		defer c.listen(&inbox{gateway: apps.Identity{App: "app", Device: name}, deliver: func(cmd command) { received <- name + " " + cmd.name }})()
	}
	if !c.Command("app", "d1", "a", nil) || len(received) != 2 {
		t.Errorf("%d received, want the device and its gateway", len(received))
	}
	if c.Command("app", "nobody", "a", nil) || c.Command("nothing", "d1", "a", nil) {
		t.Error("a command for nobody was accepted")
	}
	for spec, want := range map[string]bool{
		`{}`: true, `{"core":{}}`: false, `{"core":{"disabled":false}}`: false, `{"core":{"disabled":true}}`: true,
	} {
		c.PutDevice("app", "alone", spec, nil)
		if got := c.Command("app", "alone", "a", nil); got != want {
			t.Errorf("%s: accepted is %v", spec, got)
		}
	}
	n := len(received)
	c.PutDevice("app", "gw", `{"commands":{"commands":[{"external":{"url":"`+c.HTTPURL+`/"}}]}}`, nil)
	if c.Command("app", "d1", "out", nil) || len(received) != n {
		t.Error("the external endpoint was not taken in place of the inboxes")
	}
}
