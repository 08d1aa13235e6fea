package droguetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"havn/upstream/drogue/droguetest/apps"
)

func (c *Cloud) rest(t *testing.T, method, path, body string) answer {
	t.Helper()
	return c.call(t, method, c.RegistryURL+apps.Base+path, "me", "drg_me", body)
}

func TestRegistryCRUD(t *testing.T) {
	c := newCloud(t, Options{})
	for _, step := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "/apps", "", 200, `"name":"app"`},
		{"GET", "/apps?limit=0", "", 200, `[]`},
		{"GET", "/apps?limit=x", "", 400, `BadRequest`},
		{"POST", "/apps", `{"metadata":{"name":"new"}}`, 201, ""},
		{"POST", "/apps", `{"metadata":{"name":"new"}}`, 409, `"Conflict"`},
		{"POST", "/apps", `{"metadata":{"name":"Bad_Name"}}`, 400, ""},
		{"GET", "/apps/new", "", 200, `"generation":1`},
		{"GET", "/apps/nothing", "", 404, `"NotFound"`},
		{"GET", "/apps/nothing/devices/x", "", 404, `"NotFound"`},
		{"GET", "/apps/new/devices", "", 200, `[]`},
		{"POST", "/apps/new/devices", `{"metadata":{"name":"a/b","application":"new"},"spec":{"x":1}}`, 201, ""},
		{"POST", "/apps/nothing/devices", `{"metadata":{"name":"x","application":"nothing"}}`, 404, `"ReferenceNotFound"`},
		{"POST", "/apps/new/devices", `{"metadata":{"name":"x"}}`, 400, ""},
		{"GET", "/apps/new/devices/a%2Fb", "", 200, `"name":"a/b"`},
		{"GET", "/apps/new/devices/none", "", 404, ""},
		{"PUT", "/apps/new/devices/none", `{"metadata":{"name":"none","application":"new"}}`, 404, `"NotFound"`},
		{"PUT", "/apps/new/devices/a%2Fb", `{"metadata":{"name":"other","application":"new"}}`, 400, ""},
		{"PUT", "/apps/new/devices/a%2Fb", `{"metadata":{"name":"a/b","application":"new","strange":1}}`, 400, `strange`},
		{"PUT", "/apps/new/devices/a%2Fb", `{"metadata":{"name":"a/b","application":"new"},"more":1}`, 204, ""},
		{"PUT", "/apps/new/devices/a%2Fb", `{"metadata":{"name":"a/b","application":"new","uid":"x"}}`, 409, `"Conflict"`},
		{"DELETE", "/apps/new/devices/a%2Fb", `{"preconditions":{"uid":"x"}}`, 409, `"Conflict"`},
		{"DELETE", "/apps/new/devices/a%2Fb", "", 204, ""},
		{"DELETE", "/apps/new", "", 204, ""},
		{"DELETE", "/apps/new", "", 404, `"NotFound"`},
		{"PUT", "/apps/app", strings.Repeat("x", maxBody+1), 413, ""},
	} {
		got := c.rest(t, step.method, step.path, step.body)
		if got.status != step.status || !strings.Contains(got.body, step.says) || (step.says == "" && got.body != "") {
			t.Errorf("%s %s %.80s: %d %s, want %d %s", step.method, step.path, step.body, got.status, got.body, step.status, step.says)
		}
		if step.status == 201 && got.header.Get("Location") == "" {
			t.Errorf("%s %s: no Location", step.method, step.path)
		}
	}
}

func TestRegistryAccess(t *testing.T) {
	c := newCloud(t, Options{})
	body := `{"metadata":{"name":"d1","application":"app"}}`
	for _, test := range []struct {
		method, path, user, token string
		status                    int
		says                      string
	}{
		{"GET", "/apps", "", "", 200, "[]"},
		{"GET", "/apps/app", "", "", 403, "AuthenticationError"},
		{"GET", "/apps/app/devices/d1", "", "", 404, "NotFound"},
		{"GET", "/apps/app/devices", "", "", 404, "NotFound"},
		{"GET", "/apps", "me", "wrong", 403, "Forbidden"},
		{"GET", "/apps/app/devices/d1", "reader", "drg_reader", 200, "d1"},
		{"PUT", "/apps/app/devices/d1", "reader", "drg_reader", 403, "AuthenticationError"},
		{"GET", "/apps?token=oidc", "", "", 200, "app"},
		{"GET", "/apps?username=me&api_key=drg_me", "", "", 200, "app"},
		{"GET", "/apps?token=oidc", "me", "drg_me", 403, "Forbidden"},
	} {
		got := c.call(t, test.method, c.RegistryURL+apps.Base+test.path, test.user, test.token, body)
		if got.status != test.status || !strings.Contains(got.body, test.says) {
			t.Errorf("%s %s as %q: %d %s", test.method, test.path, test.user, got.status, got.body)
		}
	}
	if got := c.call(t, "GET", c.RegistryURL+apps.Base+"/apps/app", "", "", "", "Authorization", "Bearer oidc"); got.status != 200 {
		t.Errorf("bearer: %d", got.status)
	}
}

func TestRegistryVersions(t *testing.T) {
	c := newCloud(t, Options{})
	before, _ := c.Device("app", "d1")
	events := len(c.Stream("app"))
	body, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.rest(t, "PUT", "/apps/app/devices/d1", string(body)); got.status != 204 {
		t.Fatal(got)
	}
	if same, _ := c.Device("app", "d1"); same.Metadata.ResourceVersion != before.Metadata.ResourceVersion || len(c.Stream("app")) != events {
		t.Error("a write that changes nothing makes a version or an event")
	}
	before.Status = map[string]json.RawMessage{"firmware": json.RawMessage(`{"current":"1"}`)}
	body, _ = json.Marshal(before)
	for _, want := range []int{204, 409} { // the second has the old version
		if got := c.rest(t, "PUT", "/apps/app/devices/d1", string(body)); got.status != want {
			t.Errorf("%d, want %d", got.status, want)
		}
	}
	after, _ := c.Device("app", "d1")
	if after.Metadata.Generation != before.Metadata.Generation || after.Metadata.ResourceVersion == before.Metadata.ResourceVersion {
		t.Errorf("after a change of the status: %+v", after.Metadata)
	}
	after.Spec["a"], after.Spec["b"] = json.RawMessage(`1`), json.RawMessage(`2`)
	after.Metadata.Labels = map[string]string{"x": "y"}
	body, _ = json.Marshal(after)
	c.rest(t, "PUT", "/apps/app/devices/d1", string(body))
	last, _ := c.Device("app", "d1")
	if last.Metadata.Generation != after.Metadata.Generation+1 {
		t.Errorf("generation %d", last.Metadata.Generation)
	}
	if n := len(c.Stream("app")) - events; n != 1+3 {
		t.Errorf("%d registry events, want one for each changed section", n)
	}
}

func TestPagesAndLabels(t *testing.T) {
	c := newCloud(t, Options{})
	for i := range 10 {
		c.PutDevice("app", fmt.Sprint("x", i), "", map[string]string{"n": fmt.Sprint(i % 2)})
	}
	for query, want := range map[string]int{"": 13, "?limit=4": 4, "?limit=4&offset=11": 2, "?labels=n%3D1": 5, "?labels=n%3D1&offset=4": 1} {
		var got []apps.Resource
		if err := json.Unmarshal([]byte(c.rest(t, "GET", "/apps/app/devices"+query, "").body), &got); err != nil || len(got) != want {
			t.Errorf("%s: %d devices, %v, want %d", query, len(got), err, want)
		}
	}
	if n := c.Counters(Registry).Requests["GET /apps/{app}/devices"]; n != 5 {
		t.Errorf("%d requests counted", n)
	}
}
