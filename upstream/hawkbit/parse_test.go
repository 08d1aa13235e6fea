package hawkbit

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"

	"havn/firmware"
	"havn/upstream/hawkbit/ddi"
)

// deploymentBase returns a deployment as hawkBit writes it.
func deploymentBase(tb testing.TB) []byte {
	tb.Helper()
	b, err := os.ReadFile("ddi/testdata/deployment.json")
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func FuzzDeployment(f *testing.F) {
	f.Add(deploymentBase(f), "*.bin")
	f.Add([]byte(`{"deployment":{"chunks":[{"version":3,"artifacts":[{"filename":"a.bin","size":1}]}]}}`), "os/*")
	f.Add([]byte(`{"deployment":{"chunks":[{"artifacts":[{"filename":"a.bin","hashes":{"sha256":"`+
		strings.Repeat("0a", 32)+`"},"size":5,"_links":{"download":{"href":"/x"}}}]}]}}`), "*")
	base, _ := url.Parse("https://h.test/DEFAULT/controller/v1/dev1")
	c := &controller{source: &Source{}, id: "dev1"}
	f.Fuzz(func(t *testing.T, b []byte, pattern string) {
		var d ddi.Deployment
		if json.Unmarshal(b, &d) != nil {
			return
		}
		c.source.pattern = pattern
		m, err := c.firmware(base, d)
		if err != nil {
			if !errors.Is(err, firmware.ErrInvalid) && !errors.Is(err, firmware.ErrTooLarge) {
				t.Errorf("no verdict: %v", err)
			}
			return
		}
		u, err := url.Parse(m.Origin.Path)
		if m.Digest.IsZero() && m.Version == "" || m.Size == 0 || len(m.Version) > firmware.MaxVersion ||
			err != nil || u.Host == "" {
			t.Errorf("%+v", m)
		}
	})
}

func TestPrefixesOfAStateFail(t *testing.T) {
	b, err := json.Marshal(sampleState())
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(b) {
		if _, err := parseState(b[:n]); err == nil {
			t.Fatalf("prefix of %d bytes of a state accepted", n)
		}
	}
}

func sampleState() state {
	m := firmware.Metadata{Version: "1", Digest: firmware.Digest{1}, Size: 2,
		Origin: firmware.Origin{Kind: Kind.Name, Repository: "dev1", Path: "http://h/x"}}
	return state{
		Action:    &action{ID: "5", URL: "http://h.test/5?c=1", Metadata: m, Window: true, Next: 45},
		Installed: &m, InstalledID: "4", Cancelled: firmware.Digest{9}, Current: "1",
		Outcomes: []outcome{{Action: "4", URL: "http://h.test/4", Execution: ddi.Closed, Finished: ddi.Success}},
	}
}

func FuzzState(f *testing.F) {
	seed, err := json.Marshal(sampleState())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte(`{"action":{"id":"","url":"x"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		st, err := parseState(b)
		if err != nil {
			return
		}
		again, err := json.Marshal(st)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseState(again)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := json.Marshal(got); err != nil || !bytes.Equal(b, again) {
			t.Errorf("%s came back as %s, %v", again, b, err)
		}
	})
}

func TestChoose(t *testing.T) {
	var d ddi.Deployment
	if err := json.Unmarshal(deploymentBase(t), &d); err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string]string{
		"*.bin": "fw.bin", "*.img": "app.img", "bApp/*": "app.img", "os/*.bin": "fw.bin",
		"*": "", "*.hex": "", "os/*": "",
	} {
		got, err := choose(d, pattern)
		if got.Filename != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", pattern, got.Filename, err)
		}
		if err != nil && !strings.Contains(err.Error(), "bApp/app.img, os/fw.bin, os/x.txt") {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}

func TestMetadataRefuses(t *testing.T) {
	hex := strings.Repeat("0a", 32)
	for name, test := range map[string]struct {
		version, sha string
		size         int64
		want         error
	}{
		"long version": {strings.Repeat("v", 65), hex, 1, firmware.ErrInvalid},
		"bad sha256":   {"1", "beef", 1, firmware.ErrInvalid},
		"no size":      {"1", hex, 0, firmware.ErrInvalid},
		"huge":         {"1", hex, 1 << 32, firmware.ErrTooLarge},
	} {
		c := choice{ddi.Chunk{Version: ddi.Text(test.version)}, ddi.Artifact{Size: test.size}}
		c.Hashes.SHA256 = test.sha
		if _, err := c.metadata(); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := choice{Artifact: ddi.Artifact{Size: 1}}
	c.Hashes.SHA256 = strings.ToUpper(hex)
	if m, err := c.metadata(); err != nil || m.Version != "0a0a0a0a0a0a" {
		t.Errorf("no version: %+v, %v", m, err)
	}
}
