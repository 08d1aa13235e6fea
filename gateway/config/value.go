package config

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// set reads text into a value. The type of the value alone decides what the text
// means: quotes and the types of YAML do not.
func set(v reflect.Value, text string) error {
	switch target := v.Addr().Interface().(type) {
	case *time.Duration:
		return setDuration(target, text)
	case *netip.Prefix:
		return setPrefix(target, text)
	case encoding.TextUnmarshaler:
		return target.UnmarshalText([]byte(text))
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		return setBool(v, text)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		v.SetInt(n)
		return numberError(text, err)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		v.SetUint(n)
		return numberError(text, err)
	case reflect.Float32, reflect.Float64:
		n, err := strconv.ParseFloat(text, v.Type().Bits())
		if v.SetFloat(n); err != nil {
			return fmt.Errorf("%q is not a number", text)
		}
	default:
		panic(fmt.Sprintf("internal error: no way to configure a %s", v.Type()))
	}
	return nil
}

func setBool(v reflect.Value, text string) error {
	if text != "true" && text != "false" {
		return fmt.Errorf("%q is neither true nor false", text)
	}
	v.SetBool(text == "true")
	return nil
}

// setPrefix reads a subnet; empty text is none, as the zero Prefix is.
func setPrefix(target *netip.Prefix, text string) (err error) {
	if *target = (netip.Prefix{}); text == "" {
		return nil
	}
	if *target, err = netip.ParsePrefix(text); err != nil {
		return fmt.Errorf("%q is not a subnet: want an address and the length of its prefix, "+
			"like fd00:abcd::/64 or 10.1.0.0/16", text)
	}
	return nil
}

func numberError(text string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, strconv.ErrRange):
		return fmt.Errorf("%s is out of range", text)
	}
	return fmt.Errorf("%q is not a whole number", text)
}

// day is the unit that Go's notation of durations lacks.
const day = 24 * time.Hour

// maxDays is the most days that a duration can hold.
const maxDays = int64(1<<63-1) / int64(day)

// setDuration reads Go's notation, with days in front of it or alone: 90s,
// 1h30m, 30d, 1d12h.
func setDuration(target *time.Duration, text string) error {
	*target = 0
	rest := text
	if digits, after, ok := strings.Cut(text, "d"); ok {
		days, err := strconv.ParseUint(digits, 10, 63)
		if err != nil || int64(days) > maxDays {
			return durationError(text)
		}
		*target, rest = time.Duration(days)*day, after
	}
	if rest == "" && rest != text {
		return nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || rest != text && d < 0 || *target+d < *target && d > 0 {
		return durationError(text)
	}
	*target += d
	return nil
}

func durationError(text string) error {
	return fmt.Errorf("%q is not a duration: want a number with a unit, like 5s, 10m, 1h30m or 30d",
		text)
}

// variable matches $$, ${NAME}, and the $ that begins neither.
var variable = regexp.MustCompile(`\$(\$|\{[A-Za-z_][A-Za-z0-9_]*\})?`)

// expand puts environment variables into a value. It works on the parsed text,
// so that what a variable holds is never read as YAML.
func expand(text string) (string, error) {
	var failed error
	expanded := variable.ReplaceAllStringFunc(text, func(match string) string {
		value, err := substitute(match)
		failed = cmp.Or(failed, err)
		return value
	})
	if failed == nil && !utf8.ValidString(expanded) {
		failed = errors.New("a variable holds bytes that are not UTF-8 text")
	}
	return expanded, failed
}

// substitute returns what stands for one match of variable.
func substitute(match string) (string, error) {
	switch match {
	case "$$":
		return "$", nil
	case "$":
		return "", errors.New("a $ begins a variable like ${NAME}: write $$ for the character itself")
	}
	name := match[len("${") : len(match)-len("}")]
	value, ok := os.LookupEnv(name)
	if !ok {
		return "", fmt.Errorf("the environment has no variable %s", name)
	}
	return value, nil
}
