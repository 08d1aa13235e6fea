package oci

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"havn/firmware"
)

func TestReference(t *testing.T) {
	const digest = "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	all := []string{"*"}
	for _, test := range []struct {
		name   string
		cfg    Config
		image  string
		want   string // Name() of the reference
		denied error
	}{
		{"host kept", Config{Allow: all}, "r.example/fw/blinky:v2", "r.example/fw/blinky:v2", nil},
		{"port", Config{Allow: all}, "r:5000/blinky:v2", "r:5000/blinky:v2", nil},
		{"localhost", Config{Allow: all}, "localhost/blinky:v2", "localhost/blinky:v2", nil},
		{"no tag", Config{Allow: all}, "r.example/blinky", "r.example/blinky:latest", nil},
		{"digest", Config{Allow: all}, "r.example/b" + digest, "r.example/b" + digest, nil},
		{"tag and digest", Config{Allow: all}, "r.example/b:v1" + digest, "r.example/b" + digest, nil},
		{"prefix", Config{Prefix: "r.example/fw"}, "blinky:v2", "r.example/fw/blinky:v2", nil},
		{"prefix with slash", Config{Prefix: "r.example/fw/"}, "b:v2", "r.example/fw/b:v2", nil},
		{"prefix is a host", Config{Prefix: "r.example"}, "a/blinky:v2", "r.example/a/blinky:v2", nil},
		{"Docker Hub", Config{Prefix: "docker.io/acme"}, "b:1", "index.docker.io/acme/b:1", nil},
		{"Docker Hub library", Config{Prefix: "docker.io"}, "b:1", "index.docker.io/library/b:1", nil},
		{"no prefix", Config{Allow: all}, "blinky:v2", "", firmware.ErrInvalid},
		{"path only", Config{Allow: all}, "team/blinky:v2", "", firmware.ErrInvalid},
		{"empty", Config{Prefix: "r.example"}, "", "", firmware.ErrInvalid},
		{"bad name", Config{Allow: all}, "r.example/BLINKY:v2", "", firmware.ErrInvalid},
		{"bad tag", Config{Allow: all}, "r.example/b:v 2", "", firmware.ErrInvalid},
		{"bad digest", Config{Allow: all}, "r.example/b@sha256:12", "", firmware.ErrInvalid},
		{"dots first", Config{Prefix: "r.example/fw"}, "../b:1", "", firmware.ErrInvalid},
		{"dots inside", Config{Prefix: "r.example/fw"}, "r.example/fw/../b:1", "", firmware.ErrInvalid},
		{"empty element", Config{Allow: all}, "r.example/fw//b:1", "", firmware.ErrInvalid},
		{"scheme", Config{Allow: all}, "https://r.example/b:1", "", firmware.ErrInvalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSource(t, test.cfg)
			ref, err := s.names.reference(test.image)
			if !errors.Is(err, test.denied) {
				t.Fatalf("error %v, want %v", err, test.denied)
			}
			if err == nil && ref.Name() != test.want {
				t.Errorf("%s, want %s", ref.Name(), test.want)
			}
		})
	}
}

func TestAllow(t *testing.T) {
	listed := []Registry{{Host: "listed.example:5000"}}
	for _, test := range []struct {
		name  string
		cfg   Config
		image string
		ok    bool
	}{
		{"nothing configured", Config{}, "r.example/b:1", false},
		{"listed", Config{Registries: listed}, "listed.example:5000/any/b:1", true},
		{"other port", Config{Registries: listed}, "listed.example/any/b:1", false},
		{"under prefix", Config{Prefix: "r.example/fw"}, "r.example/fw/b:1", true},
		{"beside prefix", Config{Prefix: "r.example/fw"}, "r.example/fw2/b:1", false},
		{"prefix itself", Config{Prefix: "r.example/fw"}, "r.example/fw:1", false},
		{"listed, not in allow", Config{Registries: listed, Allow: []string{"r.example/*"}},
			"listed.example:5000/b:1", false},
		{"exact", Config{Allow: []string{"r.example/b"}}, "r.example/b:1", true},
		{"exact, other", Config{Allow: []string{"r.example/b"}}, "r.example/bb:1", false},
		{"star stays in a segment", Config{Allow: []string{"r.example/*/b"}}, "r.example/x/b:1", true},
		{"star crosses none", Config{Allow: []string{"r.example/*/b"}}, "r.example/x/y/b:1", false},
		{"last star goes deep", Config{Allow: []string{"r.example/*"}}, "r.example/x/y/b:1", true},
		{"last star in a name", Config{Allow: []string{"r.example/fw-*"}}, "r.example/fw-a/b:1", true},
		{"last star, other host", Config{Allow: []string{"r.example/*"}}, "r.example.evil/b:1", false},
		{"star host", Config{Allow: []string{"*.example/fw/*"}}, "eu.example/fw/b:1", true},
		{"star host, no slash", Config{Allow: []string{"*.example/fw/*"}}, "evil.org/x.example/fw/b:1",
			false},
		{"all", Config{Allow: []string{"*"}}, "r.example/x/y/b:1", true},
		{"question mark", Config{Allow: []string{"r.example/b?"}}, "r.example/b1:1", true},
		{"class", Config{Allow: []string{"r.example/[ab]*"}}, "r.example/c/a:1", false},
		{"Docker Hub", Config{Allow: []string{"docker.io/acme/*"}}, "docker.io/acme/b:1", true},
		{"second", Config{Allow: []string{"a.example/*", "b.example/*"}}, "b.example/b:1", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := newSource(t, test.cfg).names.reference(test.image)
			if test.ok && err != nil {
				t.Fatal(err)
			}
			if !test.ok && !errors.Is(err, firmware.ErrDenied) && !errors.Is(err, firmware.ErrInvalid) {
				t.Fatalf("error %v, want it refused", err)
			}
		})
	}
}

func TestDeniedSaysWhatToConfigure(t *testing.T) {
	_, err := newSource(t, Config{}).Resolve(t.Context(), device, spec("r.example/fw/b:1"))
	mentions(t, err.Error(), "r.example/fw/b:1", "firmware.registries", "firmware.allow")
	s := newSource(t, Config{Allow: []string{"x"}})
	_, err = s.Resolve(t.Context(), device, spec("r.example/fw/b:1"))
	mentions(t, err.Error(), `add "r.example/fw/b" to firmware.allow`)
	_, err = s.Fetch(t.Context(), firmware.Metadata{
		Origin: firmware.Origin{Repository: "r.example/fw/b", Layer: "sha256:00"}})
	if !errors.Is(err, firmware.ErrDenied) {
		t.Errorf("fetch: error %v, want %v", err, firmware.ErrDenied)
	}
}

func TestNewRefuses(t *testing.T) {
	noPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(noPEM, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]Config{
		"scheme in host":   {Registries: []Registry{{Host: "https://r.example"}}},
		"path in host":     {Registries: []Registry{{Host: "r.example/fw"}}},
		"no host":          {Registries: []Registry{{Username: "u", PasswordFile: "p"}}},
		"no password":      {Registries: []Registry{{Host: "r.example", Username: "u"}}},
		"no user":          {Registries: []Registry{{Host: "r.example", PasswordFile: "p"}}},
		"twice":            {Registries: []Registry{{Host: "r.example"}, {Host: "r.example"}}},
		"twice, two names": {Registries: []Registry{{Host: "docker.io"}, {Host: "index.docker.io"}}},
		"absent CA":        {Registries: []Registry{{Host: "r.example", CA: noPEM + "x"}}},
		"CA is no PEM":     {Registries: []Registry{{Host: "r.example", CA: noPEM}}},
		"bad pattern":      {Allow: []string{"r.example/[a"}},
		"prefix, no host":  {Prefix: "fw"},
		"prefix, bad":      {Prefix: "r.example/FW"},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
