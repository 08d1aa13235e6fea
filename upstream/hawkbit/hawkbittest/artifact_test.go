package hawkbittest

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"strings"
	"testing"
)

func TestArtifacts(t *testing.T) {
	c := newClient(t, Config{})
	id := c.assign(Assignment{})
	const file = base + "/softwaremodules/1/artifacts/fw.bin"
	w := c.want(200, "GET", file, "")
	if !bytes.Equal(w.Body.Bytes(), data) || w.Header().Get("Accept-Ranges") != "bytes" {
		t.Errorf("%q %v", w.Body, w.Header())
	}
	etag := w.Header().Get("ETag")
	c.want(200, "GET", file, "", "If-None-Match: "+etag)
	c.want(412, "GET", file, "", "If-Match: \"other\"")
	c.want(200, "GET", file, "", "If-Match: "+strings.Trim(etag, `"`))
	if w := c.want(206, "GET", file, "", "Range: bytes=4-11", "If-Range: "+etag); w.Body.String() != "firmware" ||
		w.Header().Get("Content-Range") != "bytes 4-11/26" {
		t.Errorf("%q %v", w.Body, w.Header())
	}
	if w := c.want(416, "GET", file, "", "Range: bytes=26-"); w.Header().Get("Content-Range") != "bytes */26" {
		t.Error(w.Header())
	}
	w = c.want(200, "GET", file+".MD5SUM", "")
	if w.Body.String() != fmt.Sprintf("%x  fw.bin", md5.Sum(data)) {
		t.Error(w.Body)
	}
	c.want(200, "GET", base+"/softwaremodules/1/artifacts", "")
	c.want(404, "GET", base+"/softwaremodules/1/artifacts/other", "")
	c.want(404, "GET", base+"/softwaremodules/2/artifacts/fw.bin", "")
	if n := len(c.Action(id).Entries); n != 4 { // assigned, and three whole answers
		t.Errorf("%d entries: %+v", n, c.Action(id).Entries)
	}
}
