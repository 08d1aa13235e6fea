package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeMistakes(t *testing.T) {
	tests := map[string]struct{ yaml, want string }{
		"unknown key": {"count: 1\ntxet: a\n", `
f.yaml:2:1: txet: unknown key: did you mean text?
   2 | txet: a
     | ^`},
		"unknown key far off": {"inner:\n  frequency: 1\n", `
f.yaml:2:3: inner.frequency: unknown key: want port or name
   2 |   frequency: 1
     |   ^`},
		"unknown key in a list": {"rules:\n- {device: a, fiel: {name: b}}\n", `
f.yaml:2:15: rules[0].fiel: unknown key: did you mean file?
   2 | - {device: a, fiel: {name: b}}
     |               ^`},
		"field that is no key": {"Clock: 1\n", `
f.yaml:1:1: Clock: unknown key: want text, flag, count, small, size, age, net, names, rates, inner or rules
   1 | Clock: 1
     | ^`},
		"duplicate key": {"text: a\ninner: {port: 1, port: 2}\ntext: b\n", `
f.yaml:2:18: inner.port: duplicate key: line 2 has it already
   2 | inner: {port: 1, port: 2}
     |                  ^
f.yaml:3:1: text: duplicate key: line 1 has it already
   3 | text: b
     | ^`},
		"no number": {"count: many\n", `
f.yaml:1:8: count: "many" is not a whole number
   1 | count: many
     |        ^`},
		"fraction": {"count: 1.5\n", `
f.yaml:1:8: count: "1.5" is not a whole number
   1 | count: 1.5
     |        ^`},
		"too large": {"small: 256\n", `
f.yaml:1:8: small: 256 is out of range
   1 | small: 256
     |        ^`},
		"negative": {"small: -1\n", `
f.yaml:1:8: small: "-1" is not a whole number
   1 | small: -1
     |        ^`},
		"no truth": {"flag: yes\n", `
f.yaml:1:7: flag: "yes" is neither true nor false
   1 | flag: yes
     |       ^`},
		"no size": {"size: 5 bananas\n", `
f.yaml:1:7: size: size "5 bananas": want a whole number of bytes, KiB, MiB or GiB
   1 | size: 5 bananas
     |       ^`},
		"no unit": {"age: 300\n", `
f.yaml:1:6: age: "300" is not a duration: want a number with a unit, like 5s, 10m, 1h30m or 30d
   1 | age: 300
     |      ^`},
		"no subnet": {"net: fd00::1\n", `
f.yaml:1:6: net: "fd00::1" is not a subnet: want an address and the length of its prefix, like fd00:abcd::/64 or 10.1.0.0/16
   1 | net: fd00::1
     |      ^`},
		"list for a value": {"text:\n  - a\n", `
f.yaml:2:3: text: want one value, got a list
   2 |   - a
     |   ^`},
		"section for a value": {"text: {a: b}\n", `
f.yaml:1:7: text: want one value, got keys and values
   1 | text: {a: b}
     |       ^`},
		"nothing for a value": {"text:\ncount: 1\n", `
f.yaml:1:6: text: want one value, got nothing: leave the key out for its default, or write ""
   1 | text:
     |      ^`},
		"value for a section": {"inner: 5\n", `
f.yaml:1:8: inner: want keys and values (port, name), got a single value
   1 | inner: 5
     |        ^`},
		"value for a list": {"names: a\n", `
f.yaml:1:8: names: want a list, got a single value
   1 | names: a
     |        ^`},
		"value for the file": {"hello\n", `
f.yaml:1:1: want keys and values (text, flag, count, small, size, age, net, names, rates, inner, rules), got a single value
   1 | hello
     | ^`},
		"value for a table": {"rates: 5\n", `
f.yaml:1:8: rates: want keys and values, got a single value
   1 | rates: 5
     |        ^`},
		"unknown key among one": {"rules: [{file: {path: x}}]\n", `
f.yaml:1:17: rules[0].file.path: unknown key: want name
   1 | rules: [{file: {path: x}}]
     |                 ^`},
		"table key": {"rates: {DR5: 1}\n", `
f.yaml:1:9: rates.DR5: "DR5" is not a whole number
   1 | rates: {DR5: 1}
     |         ^`},
		"table key twice": {"rates: {1: 1, 01: 2}\n", `
f.yaml:1:15: rates.01: duplicate key: it means the same as one before
   1 | rates: {1: 1, 01: 2}
     |               ^`},
		"undefined variable": {"names:\n  - x\n  - a${HAVN_NONE}\n", `
f.yaml:3:5: names[1]: the environment has no variable HAVN_NONE
   3 |   - a${HAVN_NONE}
     |     ^`},
		"dollar": {"text: pa$word\n", `
f.yaml:1:7: text: a $ begins a variable like ${NAME}: write $$ for the character itself
   1 | text: pa$word
     |       ^`},
		"anchor and alias": {"text: &a x\nnames: [*a]\n", `
f.yaml:1:7: text: anchors and aliases are not supported: write the value here
   1 | text: &a x
     |       ^
f.yaml:2:9: names[0]: anchors and aliases are not supported: write the value here
   2 | names: [*a]
     |         ^`},
		"merge key": {"inner:\n  <<: {port: 1}\n", `
f.yaml:2:3: inner: merge keys and composite keys are not supported: write the keys here
   2 |   <<: {port: 1}
     |   ^`},
		"tag": {"text: !!str 1\n", `
f.yaml:1:7: text: tags are not supported: write the value alone
   1 | text: !!str 1
     |       ^`},
		"second document": {"text: a\n---\ntext: b\n", `
f.yaml:3:1: a second YAML document begins here: a configuration is one document
   3 | text: b
     | ^`},
		"indented with a tab": {"inner:\n\tport: 1\n", `
f.yaml:2:2: not YAML: a tab cannot indent a line: use spaces
   2 | 	port: 1
     | 	^`},
		"unclosed": {"names: [a, b\ntext: c\n", `
f.yaml:2:1: not YAML: ',' or ']' must be specified
   2 | text: c
     | ^`},
		"variable in braces": {"inner: {port: ${HAVN_PORT}}\n", `
f.yaml:1:16: not YAML: ',' or '}' must be specified (inside { } and [ ] write "${NAME}" in quotes)
   1 | inner: {port: ${HAVN_PORT}}
     |                ^`},
		"not UTF-8": {"text: a\n# \xff\n", `
f.yaml:2:3: not UTF-8 text: save the file as UTF-8
   2 | # �
     |   ^`},
		"control character": {"text: a\n# é\x1b[2J\n", `
f.yaml:2:4: invisible character U+001B: remove it
   2 | # é�[2J
     |    ^`},
		"caret under tabs": {"inner:\n  port:\t\tx\n", `
f.yaml:2:10: inner.port: "x" is not a whole number
   2 |   port:		x
     |        		^`},
		"caret after wide text": {"inner: {name: é, port: x}\n", `
f.yaml:1:24: inner.port: "x" is not a whole number
   1 | inner: {name: é, port: x}
     |                        ^`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := decodeSample(tt.yaml)
			if err == nil {
				t.Fatal("accepted")
			}
			if diff := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeLongLine(t *testing.T) {
	_, err := decodeSample(`{"text": "` + strings.Repeat("a", 300) + `", "count": x, "names": [` +
		strings.Repeat("b, ", 100) + `]}`)
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != 1 {
		t.Fatalf("got %v", err)
	}
	lines := strings.Split(problems.Error(), "\n")
	if got := len([]rune(lines[1])); got > excerptWidth+len("   1 | ") {
		t.Errorf("the excerpt is %d characters wide", got)
	}
	if at := strings.IndexByte(lines[2], '^'); lines[1][at] != 'x' {
		t.Errorf("the caret is under %q", lines[1][at])
	}
}

func TestDecodeTooLarge(t *testing.T) {
	_, err := decodeSample(strings.Repeat("#", MaxBytes+1))
	if err == nil || !strings.Contains(err.Error(), "larger than 1048576 bytes") {
		t.Errorf("got %v", err)
	}
}
