package fault

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestChecks(t *testing.T) {
	var l List
	l.Present("a", "x")
	l.Present("b", "")
	l.Choice("c", "x", "x", "y")
	l.Choice("d", "z", "x", "y", "w")
	l.Number("e", 3, 1, 3)
	l.Number("f", 4, 1, 3)
	l.Duration("g", time.Minute, time.Second, time.Minute)
	l.Duration("h", 366*day, time.Second, 365*day)
	l.Positive("i", 1)
	l.Positive("j", -time.Second)
	l.Together("k", "", "l", "")
	l.Together("m", "x", "n", "")
	l.Together("o", "", "p", "x")
	l.Listen("q", "")
	l.Listen("r", "[::1]:0")
	l.Listen("s", ":http")
	l.Pattern("t", "a*")
	l.Pattern("u", "[a")
	l.URL("v", "https://h.example:1/x", "https")
	l.URL("w", "http://h.example", "https", "mqtts")
	l.URL("x", "https://me:secret@h.example", "https")
	l.URL("y", "https://me:secret@h.example:%", "https")
	l.URL("z", "https://:80", "https")
	want := List{
		{"b", "must not be empty"},
		{"d", `"z": want x, y or w`},
		{"f", "4: want 1 to 3"},
		{"h", "366d: want 1s to 365d"},
		{"j", "-1s: want more than 0"},
		{"m", "set together with n, which is empty"},
		{"p", "set together with o, which is empty"},
		{"s", `":http": want HOST:PORT or :PORT, with a port from 0 to 65535, or "" for off`},
		{"u", `"[a" is no pattern: a [ is not closed, or a \ stands at the end`},
		{"w", `"http://h.example": want https:// or mqtts://HOST[:PORT]`},
		{"x", `"https://...@h.example": want https://HOST[:PORT] without an account`},
		{"y", `"https://...@h.example:%": want https://HOST[:PORT] without an account`},
		{"z", `"https://:80": want https://HOST[:PORT]`},
	}
	if diff := cmp.Diff(want, l); diff != "" {
		t.Error(diff)
	}
}

func TestBelow(t *testing.T) {
	var l List
	l.Below("", List{{"a", "one"}})
	l.Below(At("list", 1), List{{"", "two"}, {"b", "three"}, {At("", 0), "four"}})
	want := List{{"a", "one"}, {"list[1]", "two"}, {"list[1].b", "three"}, {"list[1][0]", "four"}}
	if diff := cmp.Diff(want, l); diff != "" {
		t.Error(diff)
	}
	if err := l[:2].Err(); err == nil || err.Error() != "a: one; list[1]: two" {
		t.Errorf("got %v", err)
	}
	if err := (List{}).Err(); err != nil {
		t.Error(err)
	}
}

func TestDurationText(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "-1h0m0s": -time.Hour, "999ms": 999 * time.Millisecond, "5m": 5 * time.Minute,
		"1h30m": 90 * time.Minute, "30d": 30 * day, "1d12h": 36 * time.Hour, "10m1s": 601 * time.Second,
	} {
		if got := DurationText(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}
