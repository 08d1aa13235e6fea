package hawkbit

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"havn/firmware"
	"havn/upstream/hawkbit/hawkbittest"
)

func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		fault hawkbittest.Fault
		want  string
		is    error
	}{
		"401":       {hawkbittest.Fault{Status: 401}, "check the token file", firmware.ErrDenied},
		"403":       {hawkbittest.Fault{Status: 403}, "403 Forbidden", firmware.ErrDenied},
		"404":       {hawkbittest.Fault{Status: 404}, "404 Not Found", nil},
		"429":       {hawkbittest.Fault{Status: 429}, "fewer requests", nil},
		"500":       {hawkbittest.Fault{Status: 500, Body: "<html>"}, "500", nil},
		"code":      {hawkbittest.Fault{Status: 400, Body: `{"errorCode":"a.b"}`}, "(a.b)", nil},
		"evil code": {hawkbittest.Fault{Status: 400, Body: `{"errorCode":"\u001b[2J"}`}, "400 Bad Request", nil},
		"hang":      {hawkbittest.Fault{Hang: true}, "timeout", nil},
		"lost":      {hawkbittest.Fault{Lose: true}, "EOF", nil},
		"half":      {hawkbittest.Fault{Cut: 20}, "broke off", nil},
		"portal":    {hawkbittest.Fault{Status: 200, Body: "<html>"}, "not of the DDI API", nil},
		"redirect": {hawkbittest.Fault{Status: 302, Header: map[string][]string{
			"Location": {"http://elsewhere.test/"}}}, "elsewhere", nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, hawkbittest.Config{})
			w.assign("1", image(10))
			w.server.Inject(test.fault)
			_, err := w.resolve("dev1")
			if err == nil || !strings.Contains(err.Error(), test.want) ||
				!strings.Contains(err.Error(), "dev1") || strings.Contains(err.Error(), "\x1b") {
				t.Fatalf("%s: %v", name, err)
			}
			for _, sentinel := range []error{firmware.ErrDenied, firmware.ErrNotFound, firmware.ErrInvalid} {
				if errors.Is(err, sentinel) != (test.is == sentinel) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if strings.Contains(err.Error(), token) {
				t.Errorf("%s: the token is in %v", name, err)
			}
			w.server.Heal()
			time.Sleep(10 * time.Second)
			w.mustResolve()
		})
	}
}

func TestThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hawkbittest.Config{})
		w.assign("1", image(10))
		w.server.Inject(hawkbittest.Fault{Times: 1, Status: 429,
			Header: map[string][]string{"Retry-After": {"40"}}})
		for range 4 {
			if _, err := w.resolve("dev1"); err == nil {
				t.Error("no error")
			}
			time.Sleep(10 * time.Second)
		}
		if w.mustResolve(); len(w.server.Requests()) > 5 {
			t.Errorf("asked in the pause: %v", w.server.Requests())
		}
	})
}
