package mqtt

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"havn/dfu"
	"havn/telemetry"
)

// mosquitto runs one of Mosquitto's clients as device d of application edge.
func (w *world) mosquitto(t *testing.T, program string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("SKIP: %s is not installed (Debian: mosquitto-clients)", program)
	}
	host, port, _ := net.SplitHostPort(w.Addr().String())
	args = append([]string{"-h", host, "-p", port, "-u", "d@edge", "-P", "secret"}, args...)
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestMosquitto: the clients of Mosquitto publish and subscribe.
func TestMosquitto(t *testing.T) {
	for _, version := range []string{"311", "5"} {
		t.Run(version, func(t *testing.T) {
			w := newWorld(t, Chunks{})
			w.mosquitto(t, "mosquitto_pub", "-V", version, "-q", "1", "-t", "sensor", "-m", `{"t":21.5}`)
			w.mosquitto(t, "mosquitto_pub", "-V", version, "-q", "0", "-t", "sensor/leaf", "-m", "x")
			want := "edge d sensor application/json {\"t\":21.5}\nedge leaf sensor application/octet-stream x"
			until(t, func() bool { return w.taken() == want })

			w.inbox.Put(dfu.Device{Application: "edge", Name: "d"}, telemetry.Command{Name: "set", Payload: []byte("on")})
			out := w.mosquitto(t, "mosquitto_sub", "-V", version, "-C", "1", "-t", "command/inbox/#", "-v")
			if out != "command/inbox//set on\n" {
				t.Errorf("%q", out)
			}
		})
	}
}

// TestPaho: a device in Python asks for firmware.
func TestPaho(t *testing.T) {
	const python = "/usr/bin/python3" // whose packages are Debian's
	if exec.CommandContext(t.Context(), python, "-c", "import paho.mqtt").Run() != nil {
		t.Skip("SKIP: paho is not installed (Debian: python3-paho-mqtt)")
	}
	w := newWorld(t, Chunks{})
	status := filepath.Join(t.TempDir(), "status.cbor")
	st := dfu.Status{Version: []byte("1.0.0"), MTU: 512}
	if err := os.WriteFile(status, st.Append(nil), 0o600); err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(w.Addr().String())
	for _, version := range []string{"311", "5"} {
		out, err := exec.CommandContext(t.Context(), python, "testdata/ask.py", host, port, version, status).Output()
		if err != nil {
			t.Fatal(err)
		}
		topic, command, _ := strings.Cut(string(out), "\n")
		cmd, err := dfu.ParseCommand([]byte(command))
		if err != nil || topic != "command/inbox//dfu" || cmd.Op != dfu.OpWrite || len(cmd.Data) != 512 {
			t.Errorf("%s: %v, %s, %v, %d bytes", version, err, topic, cmd.Op, len(cmd.Data))
		}
	}
}
