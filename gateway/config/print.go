package config

import (
	"cmp"
	"encoding"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"havn/fault"
)

// redacted is printed in place of a secret.
const redacted = "REDACTED"

// Print writes the configuration as YAML that Parse reads back to the same
// configuration: every key, in the order of the reference. Secrets are
// redacted; the paths of the files that hold them are not.
func (c Config) Print(w io.Writer) error {
	_, err := io.WriteString(w, yamlText(c))
	return err
}

func yamlText(section any) string {
	return strings.Join(sectionLines(reflect.ValueOf(section)), "\n") + "\n"
}

// lines returns "HEAD VALUE", or HEAD and the lines of a section, list or table
// below it. The head is "KEY:", or "-" in a list.
func lines(head, key string, v reflect.Value) []string {
	if isValue(v.Type()) {
		return []string{head + " " + valueText(key, v)}
	}
	switch v.Kind() {
	case reflect.Pointer:
		return lines(head, key, v.Elem())
	case reflect.Slice:
		return block(head, "[]", listLines(key, v))
	case reflect.Map:
		return block(head, "{}", tableLines(v))
	}
	return block(head, "{}", sectionLines(v))
}

// block puts lines below their head, or empty behind it where there are none.
// The first line of a list's element follows the dash.
func block(head, empty string, below []string) []string {
	if len(below) == 0 {
		return []string{head + " " + empty}
	}
	all := []string{head}
	for _, line := range below {
		all = append(all, "  "+line)
	}
	if head == "-" {
		all = append([]string{head + " " + below[0]}, all[2:]...)
	}
	return all
}

func sectionLines(v reflect.Value) []string {
	var all []string
	for _, f := range fields(v.Type()) {
		if value := v.FieldByIndex(f.index); value.Kind() != reflect.Pointer || !value.IsNil() {
			all = append(all, lines(f.key+":", f.key, value)...)
		}
	}
	return all
}

func listLines(key string, v reflect.Value) []string {
	var all []string
	for i := range v.Len() {
		all = append(all, lines("-", key, v.Index(i))...)
	}
	return all
}

// tableLines orders a table by its keys, as numbers where they are numbers.
func tableLines(v reflect.Value) []string {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int {
		if a.CanInt() {
			return cmp.Compare(a.Int(), b.Int())
		}
		return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
	var all []string
	for _, key := range keys {
		all = append(all, lines(quoted(scalar(key))+":", "", v.MapIndex(key))...)
	}
	return all
}

// valueText returns what expand and set read back as v.
func valueText(key string, v reflect.Value) string {
	if isSecret(key) && !v.IsZero() {
		return redacted
	}
	return quoted(strings.ReplaceAll(scalar(v), "$", "$$"))
}

// scalar is the inverse of set.
func scalar(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case time.Duration:
		return fault.DurationText(value)
	case encoding.TextMarshaler:
		if text, err := value.MarshalText(); err == nil {
			return string(text)
		}
	}
	switch {
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10)
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10)
	case v.CanFloat():
		return strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits())
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool())
	}
	return v.String()
}

// bare matches texts that stay what they are without quotes, null excepted.
var bare = regexp.MustCompile(`^(\.{0,2}[A-Za-z0-9/]|-[0-9])([A-Za-z0-9./_:@-]*[A-Za-z0-9./_-])?$`)

// quoted puts a text in double quotes unless YAML reads it the same without.
func quoted(text string) string {
	if bare.MatchString(text) && !strings.EqualFold(text, "null") {
		return text
	}
	return strconv.Quote(text)
}

// isSecret reports whether a key holds a secret itself. Keys that name a file,
// key and certificate among them, do not.
func isSecret(key string) bool {
	for _, word := range []string{"password", "token", "secret", "psk"} {
		if key == word || strings.HasSuffix(key, "_"+word) {
			return true
		}
	}
	return false
}
