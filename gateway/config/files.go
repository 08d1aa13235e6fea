package config

import (
	"errors"
	"io/fs"
	"os"
	"reflect"
	"strings"

	"havn/fault"
)

// files checks every key of c that names a file, wherever it is.
func (c Config) files(faults *fault.List) { files(faults, "", reflect.ValueOf(c)) }

func files(faults *fault.List, key string, v reflect.Value) {
	switch {
	case isValue(v.Type()):
		return
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			files(faults, fault.At(key, i), v.Index(i))
		}
	case v.Kind() == reflect.Struct:
		for _, f := range fields(v.Type()) {
			inner, innerKey := v.FieldByIndex(f.index), fault.Join(key, f.key)
			if isFile(f.key) && inner.String() != "" {
				readable(faults, innerKey, inner.String())
			}
			files(faults, innerKey, inner)
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

// readable wants a file that can be read. Only regular files are opened: a named
// pipe would wait for its writer.
func readable(faults *fault.List, key, name string) {
	if strings.Contains(name, "\n") {
		faults.Add(key, "want the path of a file, not its content")
		return
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		faults.Add(key, "%s is a directory: want a file", name)
		return
	case err == nil && info.Mode().IsRegular():
		var f *os.File
		if f, err = os.Open(name); err == nil {
			err = f.Close()
		}
	}
	if err != nil {
		faults.Add(key, "file %q cannot be read: %v", name, cause(err))
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
