package http

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

func TestIdentify(t *testing.T) {
	long := strings.Repeat("d", maxName)
	tests := []struct {
		query, user string // the user without its password
		want        identity
		err         error
	}{
		{"", "dev@app", identity{"app", "dev"}, nil},
		{"ct=30", "dev@app", identity{"app", "dev"}, nil},
		{"", "dev@app@more", identity{"app@more", "dev"}, nil},
		{"", "d%40v%25@a%40", identity{"a%40", "d@v%"}, nil},
		{"application=a", "dev", identity{"a", "dev"}, nil},
		{"application=a", "dev@b", identity{"a", "dev@b"}, nil},
		{"application=a", "d%40v", identity{"a", "d%40v"}, nil},
		{"application=a&device=d", "any", identity{"a", "d"}, nil},
		{"application=a&device=d", "any@b", identity{"a", "d"}, nil},
		{"device=d", "any@b", identity{"b", "d"}, nil},
		{"device=my+d%C3%A9v", "any@b", identity{"b", "my dév"}, nil},
		{"as=child", "gw@app", identity{"app", "child"}, nil},
		{"as=child&application=a&device=d", "any", identity{"a", "child"}, nil},
		{"data_schema=x&other", "dev@app", identity{"app", "dev"}, nil},
		{"", long + "@app", identity{"app", long}, nil},

		{"", "dev", identity{}, errNobody},
		{"device=d", "any", identity{}, errNobody},
		{"as=child", "dev", identity{}, errNobody},
		{"", "@app", identity{}, errName},
		{"", "dev@", identity{}, errName},
		{"", "d/v@app", identity{}, errName},
		{"", "d%2fv@app", identity{}, errName},
		{"", "d%f@app", identity{}, errName},
		{"", "d%ff@app", identity{}, errName},
		{"", long + "d@app", identity{}, errName},
		{"application=&device=d", "any", identity{}, errName},
		{"application=a&device=d&as=", "any", identity{}, errName},
		{"application=%ff&device=d", "any", identity{}, errName},

		{"application=a&application=b", "dev", identity{}, errQuery},
		{"ct=30&commandTimeout=30", "dev@app", identity{}, errQuery},
		{"ct=-1", "dev@app", identity{}, errQuery},
		{"ct=", "dev@app", identity{}, errQuery},
		{"ct=1.5", "dev@app", identity{}, errQuery},
		{"ct=18446744073709551616", "dev@app", identity{}, errQuery},
		{"device=%g1", "any@b", identity{}, errQuery},
	}
	for _, tt := range tests {
		q, err := parseQuery(tt.query)
		var got identity
		if err == nil {
			got, err = identify(q, basicAuth(tt.user))
		}
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("?%s, %s: %+v, %v; want %+v, %v", tt.query, tt.user, got, err, tt.want, tt.err)
		}
	}
}

func TestCredentials(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte("dev@app:"))
	for header, ok := range map[string]bool{
		"Basic " + encoded:                      true,
		"":                                      false,
		"basic " + encoded:                      false,
		"Basic  " + encoded:                     false,
		"Bearer " + encoded:                     false,
		"Basic " + encoded + "!":                false,
		"Basic " + encoded[:len(encoded)-1]:     false, // without padding
		"Basic ZGV2QGFwcA==":                    false, // without a colon
		"Basic //86" /* ff ff ":", no UTF-8 */ : false,
	} {
		_, err := identify(query{}, header)
		if (err == nil) != ok || (err != nil && !errors.Is(err, errCredentials)) {
			t.Errorf("%q: %v", header, err)
		}
	}
}

func TestEveryPrefixOfCredentialsFails(t *testing.T) {
	header := "Basic " + base64.StdEncoding.EncodeToString([]byte("some-device@app:"))
	if _, err := identify(query{}, header); err != nil {
		t.Fatal(err)
	}
	for i := range header {
		if id, err := identify(query{}, header[:i]); err == nil {
			t.Errorf("%q: %+v", header[:i], id)
		}
	}
}

func TestAwaits(t *testing.T) {
	for raw, want := range map[string]bool{
		"": false, "ct=0": false, "ct=30": true, "commandTimeout=1": true, "device=d&ct=00": false,
	} {
		if q, err := parseQuery(raw); err != nil || q.awaits != want {
			t.Errorf("?%s: %v, %v", raw, q.awaits, err)
		}
	}
}
