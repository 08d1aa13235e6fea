package artifact

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"havn/firmware"
)

// TestOpenFile: a file that was there once and is not there now was changed on
// its way.
func TestOpenFile(t *testing.T) {
	open := func(layer []byte) (string, error) {
		rc, err := OpenFile(io.NopCloser(bytes.NewReader(layer)), "firmware.bin")
		if err != nil {
			return "", err
		}
		defer rc.Close()
		b, err := io.ReadAll(rc)
		return string(b), err
	}
	if got, err := open(imageOf("the firmware")); got != "the firmware" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := open(archive(file{name: "firmware.json", data: "{}"})); !errors.Is(err, firmware.ErrDigest) {
		t.Errorf("other file: error %v, want %v", err, firmware.ErrDigest)
	}
	_, err := open([]byte("no archive"))
	if err == nil || errors.Is(err, firmware.ErrDigest) || errors.Is(err, firmware.ErrInvalid) {
		t.Errorf("no archive: error %v, want one without sentinel", err)
	}
}
