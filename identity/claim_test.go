package identity_test

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"

	"havn/identity"
	"havn/identity/identitytest"
)

func basic(user string) []byte {
	return []byte("Basic " + base64.StdEncoding.EncodeToString([]byte(user+":p:w")))
}

// claims returns the ways in which a claim can be made of a shape.
func claims(s identitytest.Shape) map[string]func(*identity.Claim) error {
	user := func(c *identity.Claim) error {
		if s.User == "" {
			return nil
		}
		return c.Authorization(basic(s.User))
	}
	return map[string]func(*identity.Claim) error{
		"form": func(c *identity.Claim) error {
			return errors.Join(c.Query([]byte("x&"+s.Query)), user(c))
		},
		"arguments": func(c *identity.Claim) error {
			values, err := url.ParseQuery(s.Query)
			for key, all := range values {
				_, failed := c.Set([]byte(key), []byte(all[0]))
				err = errors.Join(err, failed)
			}
			return errors.Join(err, user(c))
		},
		"user name": func(c *identity.Claim) error {
			err := c.Query([]byte(s.Query + "&x"))
			if s.User != "" {
				err = errors.Join(err, c.User([]byte(s.User)))
			}
			return err
		},
	}
}

func TestShapes(t *testing.T) {
	for _, s := range identitytest.Shapes {
		for way, claim := range claims(s) {
			for _, application := range []string{"site", ""} {
				var c identity.Claim
				var own []byte
				if application != "" {
					own = []byte(application)
				}
				err := claim(&c)
				var got identity.Device
				if err == nil {
					got, err = c.Device(own)
				}
				want, wantErr := s.Application, s.Err
				if want == "" {
					want = application
				}
				if want == "" && wantErr == nil {
					wantErr = identity.ErrNoApplication
				}
				if !errors.Is(err, wantErr) {
					t.Errorf("%s, %s: %v, want %v", s.Name, way, err, wantErr)
				}
				if err == nil && (string(got.Application) != want || string(got.Name) != s.Device) {
					t.Errorf("%s, %s: %q@%q, want %q@%q", s.Name, way, got.Name, got.Application, s.Device, want)
				}
			}
		}
	}
}

// TestQuery: one argument alone is not a form.
func TestQuery(t *testing.T) {
	for option, want := range map[string]string{
		"device=d": "d", "device=my+dev%2B": "my+dev%2B", "device=a=b": "a=b", "device=my+dev%2B&": "my dev+",
	} {
		var c identity.Claim
		if err := c.Query([]byte(option)); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Device([]byte("site")); err != nil || string(got.Name) != want {
			t.Errorf("%s: %q, %v, want %q", option, got.Name, err, want)
		}
	}
	for _, option := range []string{"", "x", "application=a", "ct=30&as"} {
		var c identity.Claim
		if err := c.Query([]byte(option)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Device([]byte("site")); err == nil {
			t.Errorf("%q names a device", option)
		}
	}
}

func TestAuthorization(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte("dev@app:"))
	for header, ok := range map[string]bool{
		"Basic " + encoded:                  true,
		"":                                  false,
		"basic " + encoded:                  false,
		"Basic  " + encoded:                 false,
		"Bearer " + encoded:                 false,
		"Basic " + encoded + "!":            false,
		"Basic " + encoded[:len(encoded)-1]: false, // without padding
		"Basic ZGV2QGFwcA==":                false, // without a colon
		"Basic " + strings.Repeat("AAAA", 1+identity.MaxAuthorization/4): false,
	} {
		var c identity.Claim
		if err := c.Authorization([]byte(header)); (err == nil) != ok ||
			err != nil && !errors.Is(err, identity.ErrCredentials) {
			t.Errorf("%.60q: %v", header, err)
		}
	}
}

func TestEveryPrefixFails(t *testing.T) {
	header := []byte("Basic " + base64.StdEncoding.EncodeToString([]byte("some-device@app:")))
	for i := range header {
		var c identity.Claim
		if err := c.Authorization(header[:i]); err == nil {
			t.Errorf("%q is taken", header[:i])
		}
	}
}

func TestNoAllocations(t *testing.T) {
	query, header := []byte("application=edge&as=child&ct=30"), basic("device@edge")
	n := testing.AllocsPerRun(100, func() {
		var c identity.Claim
		if c.Query(query) != nil || c.Authorization(header) != nil {
			t.Error("the claim is refused")
		}
		if d, err := c.Device(nil); err != nil || string(d.Name) != "child" {
			t.Error("another device")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzClaim checks what holds for every claim: a device has names that can be, and
// what names it was given.
func FuzzClaim(f *testing.F) {
	for _, s := range identitytest.Shapes {
		f.Add([]byte(s.Query), basic(s.User))
	}
	f.Fuzz(func(t *testing.T, query, header []byte) {
		var c identity.Claim
		if c.Query(query) != nil || c.Authorization(header) != nil {
			return
		}
		d, err := c.Device(nil)
		if err != nil {
			if d.Application != nil || d.Name != nil {
				t.Errorf("%q with %v", d, err)
			}
			return
		}
		if !identity.ValidName(d.Application) || !identity.ValidName(d.Name) {
			t.Errorf("%q", d)
		}
	})
}
