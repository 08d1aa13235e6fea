package http

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"havn/identity"
	"havn/identity/identitytest"
	"havn/telemetry"
)

// FuzzIdentify checks what holds for every query and header: a device has names
// that can be.
func FuzzIdentify(f *testing.F) {
	for _, s := range identitytest.Shapes {
		f.Add(s.Query, basicAuth(s.User))
	}
	f.Add("ct=x", "Basic")
	f.Add("%zz", "Bearer dev@app")
	f.Fuzz(func(t *testing.T, raw, header string) {
		device, application, err := of(raw, header)
		if err == nil && (!identity.ValidName([]byte(application)) || !identity.ValidName([]byte(device))) {
			t.Errorf("%q@%q", device, application)
		}
	})
}

// FuzzServeHTTP checks what holds for every request: it is answered with a
// code of the endpoint, and a Command where it is 200.
func FuzzServeHTTP(f *testing.F) {
	taken := telemetry.Upstream{
		Telemetry: func(application, device, channel, contentType string, _ []byte) error {
			if !identity.ValidName([]byte(application)) || !identity.ValidName([]byte(device)) || !telemetry.ValidChannel(channel) || contentType == "" {
				return fmt.Errorf("%q %q %q %q", application, device, channel, contentType)
			}
			return nil
		},
	}
	w := newWorld(f, blinky, Chunks{}, taken)
	for _, raw := range []string{
		request(first), request(at(1916)), request(nil), request(first, "Connection: close\r\n"),
		strings.Replace(request(first), "dfu", "temp", 1), strings.Replace(request(first), "/dfu", "/%2f", 1),
		strings.Replace(request([]byte("{}")), "/v1/dfu?ct=30", "/v1/a/b?as=c&application=d", 1),
		strings.Replace(request([]byte("{")), "cbor", "json", 1),
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		strings.Replace(request([]byte("1\r\n\xa0\r\n0\r\n\r\n")),
			"Content-Length: 11", "Transfer-Encoding: chunked", 1),
	} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(raw))))
		if err != nil {
			return
		}
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		switch rec.Code {
		case 200:
			if r.Method == http.MethodPost {
				parse(t, body)
			}
			if len(body) > maxCommand {
				t.Errorf("a body of %d bytes", len(body))
			}
		case 202, 406:
			if len(body) > 0 {
				t.Errorf("%d with %q", rec.Code, body)
			}
		case 400, 403, 404, 405, 413:
			if !strings.HasPrefix(string(body), fmt.Sprintf(`{"code":%d,"error":"`, rec.Code)) {
				t.Errorf("%d with %q", rec.Code, body)
			}
		default:
			t.Errorf("%d %s", rec.Code, body)
		}
	})
}
