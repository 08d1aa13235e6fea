package coap

import (
	"bytes"
	"strings"

	"havn/coap/message"
)

// link is an entry of /.well-known/core (RFC 6690): its href, then its
// attributes.
type link []attribute

// attribute may have several values, separated by blanks.
type attribute struct{ name, value string }

// catalogue lists what the front serves. Clients add the channel to /v1, the
// names of application and device to /fw, and the digest to /blob; the devices
// themselves are not listed, since everybody may read this. The sz of the list is
// its own length.
var catalogue = []link{
	{{"href", "/.well-known/core"}, {"ct", "40"}, {"sz", "220"}},
	{{"href", "/v1/dfu"}, {"rt", "havn.dfu"}, {"if", "havn.status"}, {"ct", "60"}},
	{{"href", "/v1"}, {"rt", "havn.telemetry"}, {"if", "havn.channel"}},
	{{"href", "/fw"}, {"rt", "havn.firmware"}, {"if", "havn.image"}, {"ct", "42 60"}},
	{{"href", "/blob"}, {"rt", "havn.blob"}, {"if", "havn.image"}, {"ct", "42"}},
}

// getLinks answers discovery with the links that all filters of the query match.
func (x *exchange) getLinks() error {
	var buf [256]byte
	body := buf[:0]
	for _, l := range catalogue {
		ok, err := l.matchesAll(&x.req)
		if err != nil {
			return err
		}
		if ok {
			body = l.append(body)
		}
	}
	limit := x.profile(nil, nil).block
	return x.sendSmall(body, message.FormatLinks, limit)
}

// matchesAll reports whether l matches the filters of r.
func (l link) matchesAll(r *message.Request) (bool, error) {
	all := true
	for filter := range r.Queries {
		name, pattern, ok := bytes.Cut(filter, equals)
		if !ok {
			return false, errFilter
		}
		all = all && l.matches(name, pattern)
	}
	return all, nil
}

// matches reports whether a value of the attribute is pattern, or begins with
// it if the pattern ends with "*" (RFC 6690 section 4.1).
func (l link) matches(name, pattern []byte) bool {
	prefix, isPrefix := bytes.CutSuffix(pattern, star)
	for _, a := range l {
		if a.name != string(name) {
			continue
		}
		for rest, more := a.value, true; more; {
			var value string
			value, rest, more = strings.Cut(rest, " ")
			if value == string(pattern) || (isPrefix && strings.HasPrefix(value, string(prefix))) {
				return true
			}
		}
	}
	return false
}

var equals, star = []byte("="), []byte("*")

// append writes l behind the links in b. Numbers are bare, all else is quoted.
func (l link) append(b []byte) []byte {
	if len(b) > 0 {
		b = append(b, ',')
	}
	b = append(append(append(b, '<'), l[0].value...), '>')
	for _, a := range l[1:] {
		b = append(append(append(b, ';'), a.name...), '=')
		if strings.Trim(a.value, "0123456789") == "" {
			b = append(b, a.value...)
			continue
		}
		b = append(append(append(b, '"'), a.value...), '"')
	}
	return b
}
