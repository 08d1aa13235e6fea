package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"havn/dfu"
	"havn/firmware"
	"havn/link/linktest"
	"havn/status"
	"havn/upstream"
	"havn/upstream/drogue"
	"havn/upstream/drogue/droguetest"
	"havn/upstream/drogue/droguetest/wire"
	"havn/upstream/drogue/registry/rest"
)

var (
	t0 = time.Date(2024, 1, 2, 3, 4, 5, 123456789, time.UTC)
	t1 = t0.Add(time.Minute)
)

// TestStatusSchema: what is written, to the letter of Ajour's schema.
func TestStatusSchema(t *testing.T) {
	const since = `"lastTransitionTime":"2024-01-02T03:04:05.123456789Z"`
	for name, test := range map[string]struct {
		status status.Status
		want   string
	}{
		"in sync": {status.Status{Current: "2", Target: "2", State: status.InSync},
			`{"conditions":[{` + since + `,"status":"True","type":"InSync"}],"current":"2","target":"2"}`},
		"to do": {status.Status{Current: "1", Target: "2"},
			`{"conditions":[{` + since + `,"status":"False","type":"InSync"}],"current":"1","target":"2"}`},
		"updating": {status.Status{Current: "1", Target: "2", State: status.Updating, Offset: 1, Size: 3},
			`{"conditions":[{` + since + `,"status":"False","type":"InSync"},{` + since +
				`,"message":"33.33","status":"Unknown","type":"UpdateProgress"}],"current":"1","target":"2"}`},
		"no metadata": {status.Status{Current: "1", Error: "no such image"},
			`{"conditions":[{` + since + `,"message":"Error retrieving firmware metadata","reason":"no such image",` +
				`"status":"False","type":"InSync"}],"current":"1","target":"Unknown"}`},
		"failed": {status.Status{Current: "1", Target: "2", Error: "it came back with 1"},
			`{"conditions":[{` + since + `,"message":"Firmware not updated","reason":"it came back with 1",` +
				`"status":"False","type":"InSync"}],"current":"1","target":"2"}`},
		"not UTF-8": {status.Status{Current: "\xff", Target: "2", State: status.InSync},
			`{"conditions":[{` + since + `,"status":"True","type":"InSync"}],"current":"Unknown","target":"2"}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := next(&test.status, nil, t0)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(got)); diff != "" {
				t.Error(diff)
			}
			if again, err := next(&test.status, got, t1); again != nil || err != nil {
				t.Errorf("the same again writes %s, %v", again, err)
			}
		})
	}
}

// Every state has its conditions: type, status and message of each.
func TestConditionsOfEveryState(t *testing.T) {
	const waits = "InSync False Firmware not updated;"
	conditions := map[status.State]string{
		status.InSync: "InSync True ;", status.Updating: waits + "UpdateProgress Unknown 25.00;",
		status.Waiting: waits, status.Failed: waits, status.Unknown: waits,
	}
	for _, state := range status.States {
		want, known := conditions[state]
		if !known {
			t.Fatalf("%s: decide which conditions it has", state)
		}
		got := ""
		s := status.Status{State: state, Current: "1", Target: "2", Offset: 1, Size: 4, Error: "why"}
		for _, c := range conditionsOf(&s) {
			got += fmt.Sprintf("%s %s %s;", c.Type, c.Status, c.Message)
		}
		if got != want {
			t.Errorf("%s: %s want %s", state, got, want)
		}
	}
}

// at returns where dev stands.
func at(dev dfu.Device, s status.Status) *status.Status {
	s.Device = dev
	return &s
}

func follow(t *testing.T, old json.RawMessage, s status.Status, now time.Time) (json.RawMessage, map[string]condition) {
	t.Helper()
	raw, err := next(&s, old, now)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Conditions []json.RawMessage }
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	all := map[string]condition{}
	for _, raw := range doc.Conditions {
		var c condition
		if json.Unmarshal(raw, &c) == nil {
			all[c.Type] = c
		}
	}
	return raw, all
}

func TestTransitionTimes(t *testing.T) {
	at0, at1 := t0.Format(time.RFC3339Nano), t1.Format(time.RFC3339Nano)
	raw, _ := follow(t, nil, status.Status{Current: "1", Target: "2"}, t0)
	raw, c := follow(t, raw, status.Status{Current: "1", Target: "2", State: status.Updating, Offset: 1, Size: 2}, t1)
	if c[conditionInSync].LastTransitionTime != at0 || c[conditionProgress].LastTransitionTime != at1 {
		t.Errorf("update begun: %v", c)
	}
	raw, c = follow(t, raw, status.Status{Current: "1", Target: "2", State: status.Updating, Offset: 2, Size: 2}, t1.Add(1))
	if c[conditionProgress].LastTransitionTime != at1 || c[conditionProgress].Message != "100.00" {
		t.Errorf("progress: %v", c)
	}
	_, c = follow(t, raw, status.Status{Current: "2", Target: "2", State: status.InSync}, t1)
	if len(c) != 1 || c[conditionInSync].LastTransitionTime != at1 {
		t.Errorf("in sync: %v", c)
	}
}

func TestForeignStatusStays(t *testing.T) {
	old := json.RawMessage(`{"conditions":[
		{"type":"Built","status":"True","lastTransitionTime":"x","more":{"a":1}},
		{"type":"InSync","status":"False","lastTransitionTime":"2024-01-02T03:04:05.100Z"}, 5],
		"current":"1","target":"2","note":[1,2]}`)
	raw, c := follow(t, old, status.Status{Current: "1", Target: "3"}, t1)
	for _, want := range []string{`"note":[1,2]`, `"more":{"a":1}`, `,5]`, `"target":"3"`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("%s is not in %s", want, raw)
		}
	}
	if c[conditionInSync].LastTransitionTime != "2024-01-02T03:04:05.100Z" {
		t.Errorf("time not kept: %v", c)
	}
	for _, broken := range []string{`[]`, `null`, `"x"`, `{"conditions":"x"}`} {
		if raw, err := next(&status.Status{State: status.InSync}, json.RawMessage(broken), t0); err != nil || raw == nil {
			t.Errorf("%s: %s, %v", broken, raw, err)
		}
	}
}

func TestWrite(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	const spec = `{"gatewaySelector":{"matchNames":["gw"]},"big":12345678901234567890,"html":"<&>"}`
	w.PutDevice("app", "d1", spec, map[string]string{"site": "north"})
	before, _ := w.Device("app", "d1")
	r, _ := w.registry()
	s := at(dev, status.Status{Current: "1", Target: "2"})
	if err := r.write(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	after, _ := w.Device("app", "d1")
	if string(after.Spec["big"]) != "12345678901234567890" || len(after.Spec) != 3 || after.Spec["core"] != nil ||
		after.Metadata.Labels["site"] != "north" || after.Metadata.Generation != before.Metadata.Generation {
		t.Errorf("more changed than the status: %+v", after)
	}
	if err := r.write(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if n := r.Stats().StatusWrites.Load(); n != 1 {
		t.Errorf("%d writes, want 1: the second says nothing new", n)
	}
	if n := w.Counters(droguetest.Registry).Requests["PUT /apps/{app}/devices/{device}"]; n != 1 {
		t.Errorf("%d PUT requests", n)
	}
}

func TestWriteFaults(t *testing.T) {
	for name, test := range map[string]struct {
		fault wire.Fault
		want  error
	}{
		"409 once":   {wire.Fault{Times: 2, Method: "PUT", Status: 409}, nil},
		"409 always": {wire.Fault{Method: "PUT", Status: 409}, drogue.ErrAway},
		"403":        {wire.Fault{Method: "PUT", Status: 403}, drogue.ErrAway}, // not the registry's own
		"429":        {wire.Fault{Status: 429}, drogue.ErrAway},
		"500":        {wire.Fault{Method: "PUT", Status: 500}, drogue.ErrAway},
		"400":        {wire.Fault{Method: "PUT", Status: 400}, upstream.ErrRejected},
		"half":       {wire.Fault{Method: "PUT", Half: true}, drogue.ErrAway},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, droguetest.Options{})
			r, _ := w.registry()
			w.Inject(droguetest.Registry, test.fault)
			err := r.write(t.Context(), at(dev, status.Status{Current: "1", Target: "2"}))
			if !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			w.Heal(droguetest.Registry)
			if err := r.write(t.Context(), at(dev, status.Status{Current: "2", Target: "2", State: status.InSync})); err != nil {
				t.Error(err)
			}
			d, _ := w.Device("app", "d1")
			if !strings.Contains(string(d.Status["firmware"]), `"True"`) {
				t.Errorf("status is %s", d.Status["firmware"])
			}
		})
	}
}

func TestWriteOfNobody(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	r, _ := w.registry()
	if err := r.write(t.Context(), at(named("nobody"), status.Status{})); !errors.Is(err, upstream.ErrRejected) {
		t.Error(err)
	}
	w.PutDevice("app", "huge", `{"x":"`+strings.Repeat("<", rest.MaxResource/6)+`"}`, nil)
	if err := r.write(t.Context(), at(named("huge"), status.Status{Current: "1"})); !errors.Is(err, upstream.ErrRejected) {
		t.Errorf("a device too large to write: %v", err)
	}
}

// TestWriteAmongOthers: writers that collide all get through, and none
// takes away what another wrote.
func TestWriteAmongOthers(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	r, _ := w.registry()
	done := make(chan bool)
	go func() {
		defer close(done)
		for i := range 50 {
			w.PutDevice("app", "d1", fmt.Sprintf(`{"counter":%d}`, i), nil)
			time.Sleep(time.Millisecond)
		}
	}()
	for i := range uint32(20) {
		s := at(dev, status.Status{Current: "1", Target: "2", State: status.Updating, Offset: i, Size: 20})
		linktest.Eventually(t, func() error { return r.write(t.Context(), s) })
	}
	<-done
	d, _ := w.Device("app", "d1")
	if string(d.Spec["counter"]) != "49" || !strings.Contains(string(d.Status["firmware"]), `"95.00"`) {
		t.Errorf("spec %s, status %s", d.Spec["counter"], d.Status["firmware"])
	}
}

func TestWriteLearns(t *testing.T) {
	w := newWorld(t, droguetest.Options{})
	r, _ := w.registry()
	failure(t, r, dev, firmware.ErrNotFound)
	w.PutDevice("app", "d1", firmwareSpec("h/n:9"), nil)
	if err := r.write(t.Context(), at(dev, status.Status{Current: "1"})); err != nil {
		t.Fatal(err)
	}
	if spec, err := r.Desired(dev); err != nil || spec.Key() != "h/n:9" {
		t.Errorf("desired %q, %v", spec.Key(), err)
	}
}
