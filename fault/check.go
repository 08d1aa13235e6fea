package fault

import (
	"net"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Present wants a text.
func (l *List) Present(key, text string) {
	if text == "" {
		l.Add(key, "must not be empty")
	}
}

// Choice wants one of several texts.
func (l *List) Choice(key, text string, choices ...string) {
	if !slices.Contains(choices, text) {
		l.Add(key, "%q: want %s", text, OneOf(choices))
	}
}

// Number wants a number within low..high.
func (l *List) Number(key string, n, low, high int) {
	if n < low || n > high {
		l.Add(key, "%d: want %d to %d", n, low, high)
	}
}

// Duration wants a duration within low..high.
func (l *List) Duration(key string, d, low, high time.Duration) {
	if d < low || d > high {
		l.Add(key, "%s: want %s to %s", DurationText(d), DurationText(low), DurationText(high))
	}
}

// Positive wants a duration of more than 0.
func (l *List) Positive(key string, d time.Duration) {
	if d <= 0 {
		l.Add(key, "%s: want more than 0", DurationText(d))
	}
}

// Together wants both of two keys or neither of them.
func (l *List) Together(keyA, a, keyB, b string) {
	switch {
	case (a == "") == (b == ""):
	case a == "":
		l.Add(keyB, "set together with %s, which is empty", keyA)
	default:
		l.Add(keyA, "set together with %s, which is empty", keyB)
	}
}

// Listen wants HOST:PORT, where HOST may be empty, or no text at all.
func (l *List) Listen(key, address string) {
	if address == "" {
		return
	}
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		l.Add(key, `%q: want HOST:PORT or :PORT, with a port from 0 to 65535, or "" for off`, address)
	}
}

// Pattern wants a pattern of [path.Match]. An empty one is a pattern.
func (l *List) Pattern(key, pattern string) {
	if _, err := path.Match(pattern, ""); err != nil {
		l.Add(key, "%q is no pattern: a [ is not closed, or a \\ stands at the end", pattern)
	}
}

// URL wants the URL of a server, with one of several schemes and without a user and a
// password. The message does not show them.
func (l *List) URL(key, text string, schemes ...string) {
	u, err := url.Parse(text)
	if err == nil && u.Hostname() != "" && u.User == nil && slices.Contains(schemes, u.Scheme) {
		return
	}
	shown, without := text, ""
	if scheme, rest, _ := strings.Cut(text, "://"); strings.Contains(rest, "@") {
		shown, without = scheme+"://..."+rest[strings.LastIndex(rest, "@"):], " without an account"
	}
	l.Add(key, "%q: want %s://HOST[:PORT]%s", shown, strings.Join(schemes, ":// or "), without)
}
