package firmware_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"havn/dfu"
	"havn/firmware"
	"havn/firmware/firmwaretest"
)

var kinds = firmware.Kinds{firmwaretest.Kind, plainKind}

var plainKind = firmware.NewKind("plain", "plain:ID", func(id string) plain {
	n, _ := strconv.Atoi(id)
	return plain{n}
})

// plain is a section of one field that is nothing special.
type plain struct {
	ID int `json:"id"`
}

func (p plain) Validate() error { return nil }
func (p plain) Key() string     { return fmt.Sprint("plain:", p.ID) }

func TestParse(t *testing.T) {
	for text, want := range map[string]firmware.Spec{
		`{"test":{"name":"n","eachTime":true}}`: firmwaretest.Ref{Name: "n", EachTime: true}.Spec(),
		`{"plain":{"id":7,"unknown":[]}}`:       {Kind: "plain", Ref: plain{7}},
		`{"plain":null}`:                        {Kind: "plain", Ref: plain{}},
	} {
		if got, err := kinds.Parse([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{``, `[]`, `{}`, `null`, `{"plain":{},"test":{}}`, `{"plain":`} {
		if got, err := kinds.Parse([]byte(text)); !errors.Is(err, firmware.ErrInvalid) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

// TestParseKey: a key that says everything is read as it is written.
func TestParseKey(t *testing.T) {
	for _, want := range []firmware.Spec{
		firmwaretest.Spec("n"), firmwaretest.Spec("plai:n"), firmwaretest.Spec(""), {Kind: "plain", Ref: plain{7}},
	} {
		if got := kinds.ParseKey(want.Key()); got != want {
			t.Errorf("%q: %+v", want.Key(), got)
		}
	}
	if got := kinds.Usage(); got != "NAME of the tests or plain:ID" {
		t.Error(got)
	}
}

func TestParseExactly(t *testing.T) {
	const good = `{"plain":{"id":7}}`
	if got, err := kinds.ParseExactly([]byte(good)); err != nil || got.Key() != "plain:7" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, text := range []string{
		`{"plain":{"id":7,"unknown":1}}`, `{"plain":{"id":"7"}}`, `{"tekton":{}}`, `{}`, good + good,
	} {
		if got, err := kinds.ParseExactly([]byte(text)); !errors.Is(err, firmware.ErrInvalid) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

// What this gateway cannot read, another one may: it is kept.
func TestUnreadIsKept(t *testing.T) {
	for text, why := range map[string]string{
		`{"tekton":{"pipeline":"p","params":[1,2]}}`: `no source of kind "tekton": name test or plain`,
		`{"plain":{"id":"seven"}}`:                   `plain: json: cannot unmarshal string`,
	} {
		spec, err := kinds.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := spec.Validate(); !errors.Is(err, firmware.ErrInvalid) || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", text, err)
		}
		if got, err := json.Marshal(spec); err != nil || string(got) != text {
			t.Errorf("%s is written as %s, %v", text, got, err)
		}
		if again, err := kinds.Parse([]byte(text)); err != nil || again != spec {
			t.Errorf("%s is not itself: %v", text, err)
		}
		if spec.Always() || spec.Revocable() || spec.PerDevice() || spec.For(dfu.Device{}) != spec {
			t.Errorf("%s has traits", text)
		}
	}
}

func TestNoSpec(t *testing.T) {
	var none firmware.Spec
	if got, err := json.Marshal(none); err != nil || string(got) != "{}" {
		t.Errorf("%s, %v", got, err)
	}
	if err := none.Validate(); !errors.Is(err, firmware.ErrInvalid) || none.Key() != "" || none.Always() {
		t.Errorf("%v, key %q", err, none.Key())
	}
}

func TestTraits(t *testing.T) {
	dev := dfu.Device{Application: "a", Name: "d"}
	for name, want := range map[string]string{"c": "c", "{device}": "d", "a-{device}{device}": "a-dd", "{x}": "{x}"} {
		s := firmwaretest.Spec(name)
		if got := s.For(dev); got.Key() != want || got.PerDevice() || s.PerDevice() != (name != want) {
			t.Errorf("%s: %s", name, got.Key())
		}
	}
	s := firmwaretest.Ref{Name: "n", EachTime: true, TakenAway: true}.Spec()
	if !s.Always() || !s.Revocable() || firmwaretest.Spec("n").Always() || firmwaretest.Spec("n").Revocable() {
		t.Error("traits are those of the section")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"test":{"name":"n"}}`))
	f.Add([]byte(`{"plain": {"id": 1.5}}`))
	f.Add([]byte(`{"tekton": [ "<", null ]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		spec, err := kinds.Parse(text)
		if err != nil {
			if !errors.Is(err, firmware.ErrInvalid) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		written, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		again, err := kinds.Parse(written)
		if rewritten, _ := json.Marshal(again); err != nil || string(rewritten) != string(written) {
			t.Errorf("%q is written as %s and then as %s, %v", text, written, rewritten, err)
		}
	})
}

func TestParsePrefixesFail(t *testing.T) {
	for _, text := range []string{`{"test":{"name":"n"}}`, `{"tekton":{"a":[1]}}`} {
		for n := range len(text) {
			if _, err := kinds.Parse([]byte(text[:n])); !errors.Is(err, firmware.ErrInvalid) {
				t.Errorf("%s: %v", text[:n], err)
			}
		}
	}
}

// source answers with the kind it stands for.
type source string

func (s source) Resolve(context.Context, dfu.Device, firmware.Spec) (firmware.Metadata, error) {
	return firmware.Metadata{Version: string(s)}, nil
}

func (s source) Fetch(context.Context, firmware.Metadata) (io.ReadCloser, error) {
	return nil, errors.New(string(s))
}

func TestSourcesByKind(t *testing.T) {
	all := firmware.Sources{"a": source("a"), "b": source("b")}
	for kind := range all {
		m, err := all.Resolve(t.Context(), dfu.Device{}, firmware.Spec{Kind: kind, Ref: plain{}})
		if err != nil || m.Version != kind {
			t.Errorf("%s went to %s, %v", kind, m.Version, err)
		}
		_, err = all.Fetch(t.Context(), firmware.Metadata{Origin: firmware.Origin{Kind: kind}})
		if err == nil || err.Error() != kind {
			t.Errorf("fetch of %s went to %v", kind, err)
		}
	}
	_, err := all.Resolve(t.Context(), dfu.Device{}, firmware.Spec{Kind: "c", Ref: plain{1}})
	if !errors.Is(err, firmware.ErrDenied) || !strings.Contains(err.Error(), "no c source is configured for plain:1: set firmware.c") {
		t.Errorf("resolve: %v", err)
	}
	if _, err := all.Fetch(t.Context(), firmware.Metadata{}); !errors.Is(err, firmware.ErrDenied) {
		t.Errorf("fetch: %v", err)
	}
}

// gated is a source that lets nobody swap.
type gated struct{ source }

var errHeld = errors.New("held")

func (gated) MaySwap(firmware.Spec, firmware.Digest) error { return errHeld }

func TestMaySwapByKind(t *testing.T) {
	all := firmware.Sources{"open": source(""), "gated": gated{}}
	for kind, want := range map[string]error{"open": nil, "gated": errHeld, "none": nil} {
		s := firmware.Spec{Kind: kind, Ref: plain{}}
		if err := all.MaySwap(s, firmware.Digest{}); !errors.Is(err, want) {
			t.Errorf("%s: %v", kind, err)
		}
		if n := testing.AllocsPerRun(100, func() { _ = all.MaySwap(s, firmware.Digest{}) }); n != 0 {
			t.Errorf("%s: %v allocations", kind, n)
		}
	}
}
