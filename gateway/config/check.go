package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"havn/firmware"
)

// validator collects what is wrong with values that could be read. Each check
// names the path of the key to change.
type validator struct{ faults []fault }

func (v *validator) fail(key, format string, args ...any) {
	v.faults = append(v.faults, fault{path: key, message: fmt.Sprintf(format, args...)})
}

func (v *validator) choice(key, value string, choices ...string) {
	if !slices.Contains(choices, value) {
		v.fail(key, "%q: want %s", value, oneOf(choices))
	}
}

func (v *validator) present(key, value string) {
	if value == "" {
		v.fail(key, "must not be empty")
	}
}

// both refuses one of two keys that mean nothing alone.
func (v *validator) both(pathA, a, pathB, b string) {
	if (a == "") == (b == "") {
		return
	}
	set, missing := pathA, pathB
	if a == "" {
		set, missing = pathB, pathA
	}
	v.fail(set, "set together with %s, which is empty", missing)
}

func (v *validator) number(key string, n, low, high int) {
	if n < low || n > high {
		v.fail(key, "%d: want %d to %d", n, low, high)
	}
}

func (v *validator) positive(key string, d time.Duration) {
	if d <= 0 {
		v.fail(key, "%s: want more than 0", durationText(d))
	}
}

func (v *validator) size(key string, s firmware.Size) {
	if s <= 0 {
		v.fail(key, "%s: want more than 0", s)
	}
}

// seconds takes what a device can be told to wait.
func (v *validator) seconds(key string, d time.Duration) {
	if d < minPoll || d > maxPoll {
		v.fail(key, "%s: want %s to %s", durationText(d), durationText(minPoll), durationText(maxPoll))
	}
}

// pattern checks what path.Match is to match names with; empty matches all.
func (v *validator) pattern(key, pattern string) {
	if _, err := path.Match(pattern, ""); err != nil {
		v.fail(key, "%q is no pattern: a [ is not closed, or a \\ stands at the end", pattern)
	}
}

// rest adds what a package itself finds wrong with its section, where the
// checks of this one found nothing. Some packages begin with the path.
func (v *validator) rest(section string, err error) {
	found := slices.ContainsFunc(v.faults, func(f fault) bool { return within(f.path, section) })
	if err == nil || found {
		return
	}
	if key, message, ok := strings.Cut(err.Error(), ": "); ok && within(key, section) {
		v.fail(key, "%s", message)
		return
	}
	v.fail(section, "%v", err)
}

// listen takes HOST:PORT with an empty or any host, and nothing for "off".
func (v *validator) listen(key, address string) {
	if address == "" {
		return
	}
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		v.fail(key, `%q: want HOST:PORT or :PORT, with a port from 0 to 65535, or "" for off`, address)
	}
}

// files checks every key that names a file, wherever it is.
func (v *validator) files(key string, value reflect.Value) {
	switch {
	case isValue(value.Type()):
		return
	case value.Kind() == reflect.Slice:
		for i := range value.Len() {
			v.files(fmt.Sprintf("%s[%d]", key, i), value.Index(i))
		}
	case value.Kind() == reflect.Struct:
		for _, f := range fields(value.Type()) {
			inner, innerKey := value.FieldByIndex(f.index), join(key, f.key)
			if isFile(f.key) && inner.String() != "" {
				v.file(innerKey, inner.String())
			}
			v.files(innerKey, inner)
		}
	}
}

// isFile reports whether a key holds the path of a file that must exist.
func isFile(key string) bool {
	switch key {
	case "ca", "certificate", "key":
		return true
	}
	return strings.HasSuffix(key, "_file")
}

// file reports a file that cannot be read. Only regular files are opened: a
// named pipe would wait for its writer.
func (v *validator) file(key, name string) {
	if strings.Contains(name, "\n") {
		v.fail(key, "want the path of a file, not its content")
		return
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		v.fail(key, "%s is a directory: want a file", name)
		return
	case err == nil && info.Mode().IsRegular():
		var f *os.File
		if f, err = os.Open(name); err == nil {
			err = f.Close()
		}
	}
	if err != nil {
		v.fail(key, "file %q cannot be read: %v", name, cause(err))
	}
}

// cause drops the system call and the path from an error that is shown with
// the path already.
func cause(err error) error {
	var wrapped *fs.PathError
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
