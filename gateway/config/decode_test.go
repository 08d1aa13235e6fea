package config

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"havn/fault"
	"havn/firmware"
)

// sample has a key of every kind that a section can have.
type sample struct {
	Text  string        `yaml:"text"`
	Flag  bool          `yaml:"flag"`
	Count int           `yaml:"count"`
	Small uint8         `yaml:"small"`
	Size  firmware.Size `yaml:"size"`
	Age   time.Duration `yaml:"age"`
	Net   netip.Prefix  `yaml:"net"`
	Names []string      `yaml:"names"`
	Rates map[int]int   `yaml:"rates"`
	Inner sampleInner   `yaml:"inner"`
	Rules []sampleRule  `yaml:"rules"`
	Clock func()        `yaml:"-"`
}

type sampleInner struct {
	Port int    `yaml:"port"`
	Name string `yaml:"name"`
}

type sampleRule struct {
	Device        string `yaml:"device"`
	SampleSources `yaml:",inline"`
}

type SampleSources struct {
	File *sampleFile `yaml:"file"`
}

type sampleFile struct {
	Name string `yaml:"name"`
}

func nothing() fault.List { return nil }

func decodeSample(text string) (sample, error) {
	s := sample{Text: "default", Inner: sampleInner{Port: 7}}
	err := decode("f.yaml", []byte(text), &s, nothing)
	return s, err
}

func TestDecode(t *testing.T) {
	t.Setenv("HAVN_PORT", "42")
	t.Setenv("HAVN_YAML", "a: [b]\n# c")
	t.Setenv("HAVN_EMPTY", "")
	base := func(change func(*sample)) sample {
		s := sample{Text: "default", Inner: sampleInner{Port: 7}}
		change(&s)
		return s
	}
	text := func(want string) sample { return base(func(s *sample) { s.Text = want }) }
	tests := map[string]struct {
		yaml string
		want sample
	}{
		"empty":           {"", text("default")},
		"comment":         {"# nothing\n", text("default")},
		"document start":  {"---\ntext: a\n", text("a")},
		"document end":    {"text: a\n...\n", text("a")},
		"version":         {"%YAML 1.2\n---\ntext: a\n", text("a")},
		"byte order mark": {"\uFEFFtext: a\n", text("a")},
		"CRLF":            {"text: a\r\nflag: true\r\n", base(func(s *sample) { s.Text, s.Flag = "a", true })},
		"tab":             {"text:\ta\t# b\n", text("a")},
		"number as text":  {"text: 1.10", text("1.10")},
		"zeros as text":   {"text: 007", text("007")},
		"truth as text":   {"text: true", text("true")},
		"quoted number":   {`count: "12"`, base(func(s *sample) { s.Count = 12 })},
		"literal":         {"text: |\n  a\n  b\n", text("a\nb\n")},
		"JSON":            {`{"text": "a", "rules": []}`, text("a")},
		"null section":    {"inner:\nrules: ~\nrates: null\n", text("default")},
		"null document":   {"~", text("default")},
		"partly section":  {"inner: {name: x}", base(func(s *sample) { s.Inner.Name = "x" })},
		"size":            {"size: 4 GiB", base(func(s *sample) { s.Size = 4 * firmware.GiB })},
		"size in bytes":   {"size: 512", base(func(s *sample) { s.Size = 512 })},
		"days":            {"age: 1d12h", base(func(s *sample) { s.Age = 36 * time.Hour })},
		"minutes":         {"age: 90s", base(func(s *sample) { s.Age = 90 * time.Second })},
		"prefix": {"net: fd00::/64", base(func(s *sample) {
			s.Net = netip.MustParsePrefix("fd00::/64")
		})},
		"list":           {"names: [a, 1, '']", base(func(s *sample) { s.Names = []string{"a", "1", ""} })},
		"table":          {"rates: {0: 32, 5: 200}", base(func(s *sample) { s.Rates = map[int]int{0: 32, 5: 200} })},
		"negative":       {"count: -3", base(func(s *sample) { s.Count = -3 })},
		"variable":       {"inner: {port: \"${HAVN_PORT}\"}", base(func(s *sample) { s.Inner.Port = 42 })},
		"plain variable": {"count: ${HAVN_PORT}", base(func(s *sample) { s.Count = 42 })},
		"two variables":  {"text: :${HAVN_PORT}/${HAVN_PORT}", text(":42/42")},
		"empty variable": {"text: x${HAVN_EMPTY}", text("x")},
		"dollar":         {"text: $$a$$${HAVN_PORT}$${x}", text("$a$42${x}")},
		"no injection":   {"text: ${HAVN_YAML}", text("a: [b]\n# c")},
		"inline": {"rules:\n- device: a\n  file: {name: b}\n", base(func(s *sample) {
			s.Rules = []sampleRule{{Device: "a", SampleSources: SampleSources{&sampleFile{"b"}}}}
		})},
		"null element": {"rules:\n-\n", base(func(s *sample) { s.Rules = []sampleRule{{}} })},
		"null pointer": {"rules: [{file: }]", base(func(s *sample) { s.Rules = []sampleRule{{}} })},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := decodeSample(tt.yaml)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.Comparer(samePrefix)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func samePrefix(a, b netip.Prefix) bool { return a == b }
