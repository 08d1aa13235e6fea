package http

import (
	"errors"
	"net/http/httptest"
	"testing"

	"havn/identity"
	"havn/identity/identitytest"
)

// of returns who a request with this query and Authorization is from.
func of(query, authorization string) (device, application string, err error) {
	r := httptest.NewRequest("POST", "/v1/dfu", nil)
	r.URL.RawQuery = query
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	x := exchange{r: r}
	dev, _, err := x.identify()
	return dev.Name, dev.Application, err
}

// TestShapes: this front has no application of its own, and wants credentials.
func TestShapes(t *testing.T) {
	for _, s := range identitytest.Shapes {
		authorization, want := "", s.Err
		switch {
		case s.User != "":
			authorization = basicAuth(s.User)
		case s.Err == nil:
			want = errNoBasic
		}
		if s.Application == "" && want == nil {
			want = identity.ErrNoApplication
		}
		device, application, err := of(s.Query, authorization)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", s.Name, err, want)
		}
		if err == nil && (device != s.Device || application != s.Application) {
			t.Errorf("%s: %q@%q, want %q@%q", s.Name, device, application, s.Device, s.Application)
		}
	}
}

func TestQuery(t *testing.T) {
	for _, raw := range []string{
		"application=a&application=b", "ct=30&commandTimeout=30", "ct=-1", "ct=", "ct=1.5",
		"ct=18446744073709551616", "device=%g1", "as=a&as=a",
	} {
		if _, _, err := of(raw, basicAuth("d@a")); !errors.Is(err, errQuery) {
			t.Errorf("?%s: %v", raw, err)
		}
	}
}

func TestAwaits(t *testing.T) {
	for raw, want := range map[string]bool{
		"": false, "ct=0": false, "ct=30": true, "commandTimeout=1": true, "device=d&ct=00": false,
	} {
		var claim identity.Claim
		if awaits, err := parseQuery(raw, &claim); err != nil || awaits != want {
			t.Errorf("?%s: %v, %v", raw, awaits, err)
		}
	}
}
