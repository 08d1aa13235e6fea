package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// peer returns the path of a program of a Debian package, or skips the test.
func peer(t *testing.T, program, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("SKIP: %s is not installed (Debian package %s)", program, pkg)
	}
	return path
}

const microbit = "/usr/share/firmware-microbit-micropython/firmware.hex"

// TestCoapClient fetches a real firmware with libcoap's client, out of Debian's
// registry: at every block size, with the registry stopped, and after a restart
// of the gateway while it is stopped.
func TestCoapClient(t *testing.T) {
	t.Parallel()
	client := peer(t, "coap-client-notls", "libcoap3-bin")
	hexFile, err := os.ReadFile(microbit)
	if err != nil {
		t.Skipf("SKIP: %v (Debian package firmware-microbit-micropython)", err)
	}
	host, stopRegistry := dockerRegistry(t)
	image := host + "/microbit/micropython:v1.0.1"
	s := newSite(t, host, fmt.Sprintf("  desired: [{application: site, container: {image: %q}}]\n", image))
	firmware := intelHex(t, hexFile)
	out := s.must("push", s.write("firmware.bin", firmware), "--image", image, "--version", "v1.0.1", "--plain-http")
	if !strings.Contains(out, "digest    sha256:") || strings.Contains(out, "warning") {
		t.Errorf("push printed:\n%s", out)
	}
	s.start()
	s.eventually("the image is held", func() error {
		if !strings.Contains(s.metrics(), `gateway_fetches_total{result="ok",source="container"} 1`) {
			return errNotYet
		}
		return nil
	})
	fetch := func(size int) {
		t.Helper()
		file := filepath.Join(s.dir, "out.bin")
		cmd := exec.Command(client, "-m", "get", "-b", fmt.Sprint(size), "-B", "60", "-o", file,
			"coap://"+s.coap+"/fw/site/board")
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("block size %d: %v\n%s", size, err, text)
		}
		got, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(got, firmware) {
			t.Errorf("block size %d: %d bytes, not the %d of the firmware (%v)", size, len(got), len(firmware), err)
		}
		_ = os.Remove(file)
	}
	fetch(1024)
	stopRegistry()
	for _, size := range []int{16, 32, 64, 128, 256, 512, 1024} {
		fetch(size)
	}
	s.stop()
	s.start()
	s.eventually("the image is back from disk", func() error {
		if !strings.Contains(s.metrics(), `gateway_cache_hits_total{tier="disk"} 1`) {
			return errNotYet
		}
		return nil
	})
	fetch(64)
}

func TestPushWarnsOfIntelHex(t *testing.T) {
	t.Parallel()
	host := strings.TrimPrefix(fakeRegistry(t).URL, "http://")
	s := newSite(t, host, "")
	text := []byte(":020000040000FA\n:0400000001020304F2\n:00000001FF\n")
	out := s.must("push", s.write("firmware.hex", text), "--image", host+"/a/b:v1", "--version", "v1", "--plain-http")
	if !strings.Contains(out, "Intel HEX") || !strings.Contains(out, "sha256:") {
		t.Errorf("push printed:\n%s", out)
	}
}

// dockerRegistry starts Debian's registry.
func dockerRegistry(t *testing.T) (host string, stop func()) {
	t.Helper()
	program := peer(t, "docker-registry", "docker-registry")
	dir := t.TempDir()
	host = freePort(t, "tcp")
	config := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %q}}\nhttp: {addr: %q}\n",
		filepath.Join(dir, "data"), host)
	path := filepath.Join(dir, "config.yml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "serve", path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if conn, err := net.Dial("tcp", host); err == nil {
			_ = conn.Close()
			t.Error("the registry is still there")
		}
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			stop()
		}
	})
	eventually(t, "the registry is ready", func() error {
		resp, err := http.Get("http://" + host + "/v2/")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	})
	return host, stop
}

// intelHex converts Intel HEX to the raw binary of its lowest section up to
// the last byte below the user information registers of the nRF51.
func intelHex(t *testing.T, text []byte) []byte {
	t.Helper()
	const registers = 0x10000000
	var image []byte
	base := 0
	for _, line := range strings.Fields(string(text)) {
		rec, err := hex.DecodeString(strings.TrimPrefix(line, ":"))
		if err != nil || len(rec) < 5 {
			t.Fatalf("record %q: %v", line, err)
		}
		data := rec[4 : len(rec)-1]
		switch rec[3] {
		case 0:
			at := base + int(rec[1])<<8 + int(rec[2])
			if at >= registers {
				continue
			}
			for len(image) < at+len(data) {
				image = append(image, 0xff)
			}
			copy(image[at:], data)
		case 2:
			base = (int(data[0])<<8 + int(data[1])) << 4
		case 4:
			base = (int(data[0])<<8 + int(data[1])) << 16
		}
	}
	return image
}
