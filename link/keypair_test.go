package link

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"havn/link/linktest"
)

func TestIdentity(t *testing.T) {
	old, renewed := linktest.NewCertificate(t, "gateway.test"), linktest.NewCertificate(t, "gateway.test")
	files := KeyPair{File{"http.certificate", old.File}, old.Key}
	var i Identity
	shows := func(want linktest.Certificate) {
		t.Helper()
		got, err := i.Certificate(nil)
		if err != nil || !bytes.Equal(got.Certificate[0], want.Pair(t).Certificate[0]) {
			t.Errorf("another certificate, %v", err)
		}
	}
	if err := i.Reload(files); err != nil {
		t.Fatal(err)
	}
	shows(old)
	if err := os.Rename(renewed.File, old.File); err != nil {
		t.Fatal(err)
	}
	if err := i.Reload(files); err == nil || !strings.HasPrefix(err.Error(), "http.certificate: ") {
		t.Errorf("certificate of another key: %v", err)
	}
	if err := os.Rename(renewed.Key, old.Key); err != nil {
		t.Fatal(err)
	}
	if err := i.Reload(files); err != nil {
		t.Fatal(err)
	}
	renewed.File, renewed.Key = old.File, old.Key
	shows(renewed)
}
