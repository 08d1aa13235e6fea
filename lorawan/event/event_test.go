package event

import (
	"errors"
	"strings"
	"testing"

	"havn/dfu"
)

func TestParseDevEUI(t *testing.T) {
	for _, s := range []string{"0102030405060a0b", "0102030405060A0B"} {
		if e, err := ParseDevEUI(s); err != nil || e.String() != "0102030405060a0b" {
			t.Errorf("%s: %v %v", s, e, err)
		}
	}
	for _, s := range []string{"", "0102030405060a0", "0102030405060a0b0c", "0102030405060a0g", "01-02-03-04-05-0"} {
		if _, err := ParseDevEUI(s); err == nil {
			t.Errorf("%q accepted", s)
		}
	}
}

func TestDownlinkID(t *testing.T) {
	a, b := NewDownlinkID(), NewDownlinkID()
	if a == b {
		t.Error("two of a kind")
	}
	s := a.String()
	if again, ok := ParseDownlinkID(s); !ok || again != a || s[14] != '4' || !strings.ContainsRune("89ab", rune(s[19])) {
		t.Errorf("%s reads as %s", s, again)
	}
	for i := range s {
		if _, ok := ParseDownlinkID(s[:i]); ok {
			t.Errorf("prefix %q accepted", s[:i])
		}
	}
	for _, bad := range []string{s + "0", strings.ReplaceAll(s, "-", "_"), "g" + s[1:]} {
		if _, ok := ParseDownlinkID(bad); ok {
			t.Errorf("%q accepted", bad)
		}
	}
}

func TestParseOverrides(t *testing.T) {
	got, err := ParseOverrides(map[string]string{
		"havn_rx1_dr_offset": "0", "havn_max_payload": " 51 ", "havn_align": "8", "site": "north", "havn": "x",
	})
	if err != nil || got != (Overrides{RX1DROffset: dfu.Some(0), MaxPayload: 51, Align: 8}) {
		t.Errorf("%+v: %v", got, err)
	}
	got, err = ParseOverrides(map[string]string{"havn-align": "16"})
	if err != nil || got != (Overrides{Align: 16}) {
		t.Errorf("%+v: %v", got, err)
	}
	if got, err := ParseOverrides(nil); err != nil || got != (Overrides{}) {
		t.Errorf("%+v: %v", got, err)
	}
	for key, value := range map[string]string{
		"havn_rx1_dr_offset": "8", "havn_max_payload": "0", "havn_align": "four", "havn_algin": "4", "havn-max-payload": "243",
	} {
		got, err := ParseOverrides(map[string]string{key: value})
		if !errors.Is(err, ErrTag) || !strings.Contains(err.Error(), key) || got != (Overrides{}) {
			t.Errorf("%s=%s: %+v %v", key, value, got, err)
		}
	}
}

func TestValidate(t *testing.T) {
	good := Downlink{ID: NewDownlinkID(), FPort: 223, Payload: make([]byte, MaxPayload)}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Downlink){
		"no ID":      func(d *Downlink) { d.ID = DownlinkID{} },
		"FPort 0":    func(d *Downlink) { d.FPort = 0 },
		"FPort 224":  func(d *Downlink) { d.FPort = 224 },
		"no payload": func(d *Downlink) { d.Payload = nil },
		"too long":   func(d *Downlink) { d.Payload = make([]byte, MaxPayload+1) },
	} {
		bad := good
		change(&bad)
		if err := bad.Validate(); !errors.Is(err, ErrDownlink) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReason(t *testing.T) {
	if ReasonOversize.String() != "oversize" || Reason(99).String() != "unknown" {
		t.Error(ReasonOversize, Reason(99))
	}
}

func FuzzParseOverrides(f *testing.F) {
	f.Add("havn_align", "4")
	f.Fuzz(func(t *testing.T, key, value string) {
		o, err := ParseOverrides(map[string]string{key: value})
		if err != nil && (!errors.Is(err, ErrTag) || o != Overrides{}) {
			t.Errorf("%+v %v", o, err)
		}
	})
}
