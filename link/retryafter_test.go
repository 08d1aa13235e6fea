package link

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

var noon = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

func TestRetryAfter(t *testing.T) {
	in := func(d time.Duration) string { return noon.Add(d).Format(http.TimeFormat) }
	for _, test := range []struct {
		name, value, date string
		want              time.Duration
		ok                bool
	}{
		{name: "no header"},
		{name: "seconds", value: "120", want: 2 * time.Minute, ok: true},
		{name: "spaces around", value: " 7 ", want: 7 * time.Second, ok: true},
		{name: "no pause", value: "0", ok: true},
		{name: "longest", value: "3600", want: MaxRetryAfter, ok: true},
		{name: "longer", value: "3601", want: MaxRetryAfter, ok: true},
		{name: "more than a Duration holds", value: "10000000000", want: MaxRetryAfter, ok: true},
		{name: "more than 64 bits", value: "99999999999999999999999", want: MaxRetryAfter, ok: true},
		{name: "negative", value: "-5"},
		{name: "signed", value: "+5"},
		{name: "fraction", value: "1.5"},
		{name: "words", value: "soon"},
		{name: "date", value: in(90 * time.Second), want: 90 * time.Second, ok: true},
		{name: "date in the past", value: in(-time.Hour), ok: true},
		{name: "date next year", value: in(8760 * time.Hour), want: MaxRetryAfter, ok: true},
		{name: "date of RFC 850", value: noon.Add(time.Minute).Format("Monday, 02-Jan-06 15:04:05 GMT"),
			want: time.Minute, ok: true},
		{name: "date of asctime", value: noon.Add(time.Minute).Format(time.ANSIC),
			want: time.Minute, ok: true},
		{name: "server's clock is ahead", value: in(2 * time.Hour), date: in(119 * time.Minute),
			want: time.Minute, ok: true},
		{name: "server's clock is behind", value: in(-2 * time.Hour), date: in(-121 * time.Minute),
			want: time.Minute, ok: true},
		{name: "odd Date", value: in(time.Minute), date: "today", want: time.Minute, ok: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := http.Header{}
			h.Set("Retry-After", test.value)
			h.Set("Date", test.date)
			got, ok := RetryAfter(h, noon)
			if got != test.want || ok != test.ok {
				t.Errorf("RetryAfter(%q) = %v, %v, want %v, %v", test.value, got, ok, test.want, test.ok)
			}
		})
	}
}

func TestWithPause(t *testing.T) {
	busy := errors.New("busy")
	err := WithPause(busy, http.Header{"Retry-After": {"90"}}, noon)
	if !errors.Is(err, busy) || Pause(err) != 90*time.Second || err.Error() != "busy: retry after 1m30s" {
		t.Errorf("%v with a pause of %v", err, Pause(err))
	}
	if err := WithPause(busy, http.Header{}, noon); err != busy {
		t.Errorf("%v, want %v as it is", err, busy)
	}
	if err := WithPause(nil, http.Header{"Retry-After": {"90"}}, noon); err != nil {
		t.Errorf("%v, want no error", err)
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("120", "")
	f.Add("Sun, 01 Mar 2026 12:00:30 GMT", "Sun, 01 Mar 2026 12:00:00 GMT")
	f.Fuzz(func(t *testing.T, value, date string) {
		h := http.Header{"Retry-After": {value}, "Date": {date}}
		got, ok := RetryAfter(h, noon)
		if got < 0 || got > MaxRetryAfter || (!ok && got != 0) {
			t.Errorf("RetryAfter(%q, Date %q) = %v, %v", value, date, got, ok)
		}
	})
}
