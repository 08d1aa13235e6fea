package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"havn/bench/device"
	"havn/firmware"
	"havn/link/linktest"
)

// TestRunFirmware: one file for every device that asks, and the devices are
// commands of the same binary.
func TestRunFirmware(t *testing.T) {
	t.Parallel()
	s := newSite(t, "127.0.0.1:1", "")
	fw := random(t, 5003)
	s.start("--firmware", s.write("fw.bin", fw), "--version", "v1")
	// 256 bytes each; the last Write is shorter than the flash word, and alone.
	for mode, chunks := range map[string]int{"write": 21, "block": 20} {
		out := filepath.Join(s.dir, mode+".bin")
		args := []string{
			"device", "coap", "--url", "coap://" + s.coap, "--application", mode, "--device", "d", "--version", "v0",
			"--mode", mode, "--mtu", "256", "--block-size", "256", "--out", out,
		}
		want := fmt.Sprintf("version   v1\ndigest    %s\nbytes     5003 in %d chunks\n", digestOf(fw), chunks)
		if text := s.must(args...); !strings.Contains(text, want) {
			t.Errorf("%s: printed\n%s", mode, text)
		}
		if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, fw) {
			t.Errorf("%s: --out has %d bytes (%v), not the firmware", mode, len(got), err)
		}
		var result device.Result
		s.json(&result, append(args, "--device", "json", "--json")...)
		if result.Version != "v1" || result.Bytes != 5003 || result.Digest != digestOf(fw) {
			t.Errorf("%s: --json %+v", mode, result)
		}
	}
	text := s.must("device", "coap", "--url", "coap://"+s.coap, "--device", "new", "--version", "v1")
	if !strings.Contains(text, "bytes     0 in 0 chunks") {
		t.Errorf("a device that is up to date printed\n%s", text)
	}
}

// TestDeviceMQTT: a device of the command line updates over MQTT, plain and with TLS.
func TestDeviceMQTT(t *testing.T) {
	t.Parallel()
	plain, secure := freePort(t, "tcp"), freePort(t, "tcp")
	c := linktest.NewCertificate(t, "127.0.0.1")
	s := newSite(t, "127.0.0.1:1", fmt.Sprintf("mqtt: {listen: %q, tls_listen: %q, certificate: %q, key: %q}\n",
		plain, secure, c.File, c.Key))
	fw := random(t, 5003)
	s.start("--firmware", s.write("fw.bin", fw), "--version", "v1")
	for _, url := range []string{"CoAP   coap://" + s.coap, "MQTT   mqtt://" + plain, "MQTT   mqtts://" + secure} {
		if out := s.output.String(); !strings.Contains(out, url+"\n") {
			t.Errorf("run did not print %q:\n%s", url, out)
		}
	}
	want := fmt.Sprintf("version   v1\ndigest    %s\nbytes     5003 in 21 chunks\n", digestOf(fw))
	for i, args := range [][]string{
		{"--url", "mqtt://" + plain}, {"--url", "mqtt://" + plain, "--protocol", "3.1.1", "--qos", "1"},
		{"--url", "mqtts://" + secure, "--ca", c.File},
	} {
		args = append([]string{"device", "mqtt", "--device", fmt.Sprint(i), "--version", "v0", "--mtu", "256"}, args...)
		if text := s.must(args...); !strings.Contains(text, want) {
			t.Errorf("%q printed\n%s", args, text)
		}
	}
	away := []string{"device", "mqtt", "--url", "mqtt://127.0.0.1:1", "--device", "d", "--version", "v0"}
	s.refused(exitFailed, away, "mqtt.listen", "see --url")
	s.refused(exitUsage, append(away, "--qos", "2"), "want 0 or 1")
}

func digestOf(data []byte) firmware.Digest { return sha256.Sum256(data) }

func TestDeviceWithoutAGateway(t *testing.T) {
	t.Parallel()
	s := &site{t: t, coap: freePort(t, "udp")}
	args := []string{"device", "coap", "--url", "coap://" + s.coap, "--device", "d", "--version", "v0"}
	s.refused(exitFailed, args, "no answer", s.coap, "see --url")
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t, "127.0.0.1:1", "")
	config := filepath.Join(s.dir, "gateway.yaml")
	args := []string{"run", "--config", config}
	firmware := append(args, "--firmware", "missing.bin", "--version", "v1")
	s.refused(exitFailed, firmware, "missing.bin")
	s.refused(exitConfig, []string{"run", "--config", "missing.yaml"}, "missing.yaml")
	s.start()
	s.refused(exitFailed, args, "is another gateway running")
	s.append("nonsense: 1\n")
	s.refused(exitConfig, args, "gateway.yaml:", "nonsense", "unknown key")
}

func TestDemo(t *testing.T) {
	t.Parallel()
	s := &site{t: t, dir: t.TempDir()}
	image := random(t, 10_003)
	out := s.must("demo", "--once", "--devices", "4", "--firmware", s.write("firmware.bin", image))
	for _, want := range []string{"gateway   coap://127.0.0.1:", "DEVICE", "VERIFIED DIGEST"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	digest := digestOf(image).Short()
	for i := range 4 {
		protocol := []string{"coap write", "coap block"}[i%2]
		row := fmt.Sprintf("sensor-%d  %s", i+1, protocol)
		if !strings.Contains(out, row) {
			t.Errorf("no row %q in\n%s", row, out)
		}
	}
	for _, row := range []string{"meter-1   mqtt 5", "meter-2   mqtt 3.1.1", "field-1   lorawan DR5", "field-2   lorawan DR3", "each device is in sync there too"} {
		if !strings.Contains(out, row) {
			t.Errorf("no %q in\n%s", row, out)
		}
	}
	if n := strings.Count(out, digest+"\n"); n != 8 {
		t.Errorf("%d devices verified %s:\n%s", n, digest, out)
	}
	s.refused(exitFailed, []string{"demo", "--once", "--devices", "1", "--timeout", "1ms"}, "sensor-1")
}
