package main

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"havn/upstream/drogue/droguetest"
	"havn/upstream/drogue/droguetest/apps"
)

// TestCoapClientTelemetry sends telemetry with libcoap's client, which shows a
// command of the cloud that comes back.
func TestCoapClientTelemetry(t *testing.T) {
	t.Parallel()
	client := peer(t, "coap-client-notls", "libcoap3-bin")
	cloud, err := droguetest.Start(droguetest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	cloud.PutApplication("site", "")
	cloud.PutDevice("site", "gw", `{"authentication":{"credentials":[{"pass":"secret"}]}}`, nil)
	cloud.PutDevice("site", "board", `{"gatewaySelector":{"matchNames":["gw"]}}`, nil)
	s := newSite(t, "registry.invalid", "")
	secret := s.write("secret", []byte("secret"))
	s.append(fmt.Sprintf("upstream: {drogue: {endpoints: "+
		"[{url: %q, application: site, device: gw, password_file: %q}]}}\n", cloud.MQTTURL, secret))
	s.start()

	post := func(more ...string) string {
		t.Helper()
		args := append([]string{"-m", "post", "-v", "6", "-B", "10"}, more...)
		out, err := exec.Command(client, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	sensor := "coap://" + s.coap + "/v1/sensor?application=site&device=board&ct=30"
	if out := post("-e", `{"t":21.5}`, sensor); !strings.Contains(out, "2.04") {
		t.Errorf("JSON without a format:\n%s", out)
	}
	if out := post("-e", "21.5", "-t", "0", sensor); !strings.Contains(out, "2.04") {
		t.Errorf("text:\n%s", out)
	}
	var got []apps.Event
	s.eventually("the telemetry is in the cloud", func() error {
		got = cloud.Events("site", "board")
		if len(got) < 2 {
			return errNotYet
		}
		return nil
	})
	for i, want := range []string{`sensor application/json {"t":21.5}`, "sensor text/plain; charset=utf-8 21.5"} {
		e := got[i]
		if text := fmt.Sprintf("%s %s %s", e.Subject, e.ContentType, e.Data); text != want || e.Sender != "gw" {
			t.Errorf("%s from %s, want %s from gw", text, e.Sender, want)
		}
	}

	s.eventually("a command waits", func() error {
		cloud.Command("site", "board", "on", []byte("lamp 7"))
		if strings.Contains(s.metrics(), "gateway_commands_waiting 0") {
			return errNotYet
		}
		return nil
	})
	out := post("-e", "21.6", sensor)
	for _, want := range []string{"2.05", `4210:\x6F\x6E`, "lamp 7"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	// A body in blocks of 16 bytes is more than one message.
	if out := post("-b", "16", "-e", strings.Repeat("x", 40), sensor); !strings.Contains(out, "4.13") {
		t.Errorf("in blocks:\n%s", out)
	}
}
