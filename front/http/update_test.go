package http

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"havn/bench/device"
	devicehttp "havn/bench/device/http"
	"havn/dfu"
	"havn/telemetry"
	"havn/update/updatetest"
)

// TestUpdate lets devices update from end to end, as the reference client does
// and over one connection, plain and with TLS.
func TestUpdate(t *testing.T) {
	secure, client := certificate(t, "gateway.test")
	for name, tt := range map[string]struct {
		cfg       Config
		transport devicehttp.Transport
	}{
		"plain":            {Config{}, devicehttp.Transport{}},
		"plain keep-alive": {Config{}, devicehttp.Transport{KeepAlive: true}},
		"TLS":              {secure, devicehttp.Transport{TLS: client}},
		"TLS keep-alive":   {secure, devicehttp.Transport{TLS: client, KeepAlive: true}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, blinky, Chunks{}, telemetry.Upstream{})
			s, _ := w.serve(t, tt.cfg)
			transport := &tt.transport
			transport.Address = s.Addr().String()
			transport.Device = dfu.Device{Application: "edge", Name: name + " 100% @home"}
			transport.Timeout = 10 * time.Second
			defer transport.Close()
			result := bring(t, transport)
			if want := (len(blinky.Data) + 1915) / 1916; int(result.Chunks) > want+2 {
				t.Errorf("%d chunks, want about %d", result.Chunks, want)
			}
			if n := w.Counts().Chunks.Load(); n != result.Chunks {
				t.Errorf("%d chunks are counted, the device got %d", n, result.Chunks)
			}
		})
	}
}

// bring brings one device to blinky.
func bring(t *testing.T, transport device.Transport) device.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	dev, err := device.New(device.Config{
		Version: "1.0.0", MTU: 2048, Size: uint32(len(blinky.Data)),
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}, transport)
	if err != nil {
		t.Fatal(err)
	}
	result, err := dev.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(dev.Image(), blinky.Data) || result.Version != blinky.Version {
		t.Errorf("version %q, %d bytes", result.Version, len(dev.Image()))
	}
	for _, v := range result.Violations {
		t.Error(v)
	}
	return result
}

// session is a recorded update of a real device.
type session struct {
	Name, Firmware string
	ServerArgs     []string `json:"server_args"`
	Exchanges      []struct{ Status, Command string }
}

// TestSessions replays the statuses of real devices, byte by byte, over one
// connection: they get what the reference server answered.
func TestSessions(t *testing.T) {
	raw, err := os.ReadFile("../../dfu/testdata/update-protocol.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct{ Sessions []session }
	if err := json.Unmarshal(raw, &vectors); err != nil || len(vectors.Sessions) != 4 {
		t.Fatalf("%d sessions, %v", len(vectors.Sessions), err)
	}
	for _, s := range vectors.Sessions {
		t.Run(s.Name, func(t *testing.T) { replay(t, s) })
	}
}

func replay(t *testing.T, s session) {
	write := parse(t, unhex(t, s.Exchanges[0].Command)) // as much as the recorded link took
	chunks := Chunks{WriteSize: len(write.Data), Align: 1}
	if slices.Contains(s.ServerArgs, "--align") {
		chunks.Align = 4
	}
	w := newWorld(t, updatetest.Firmware{Version: string(write.Version), Data: unhex(t, s.Firmware)}, chunks, telemetry.Upstream{})
	server, _ := w.serve(t, Config{})
	conn := dial(t, server)
	for i, x := range s.Exchanges {
		head, body := ask(t, conn, request(unhex(t, x.Status)))
		got, want := parse(t, body), parse(t, unhex(t, x.Command))
		got.Poll, want.Poll = 0, 0 // the reference server never says how long to wait
		if !strings.HasPrefix(head, "HTTP/1.1 200 OK\r\n") ||
			!bytes.Equal(got.Append(nil), want.Append(nil)) {
			t.Errorf("exchange %d: %+v, want %+v", i, got, want)
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// BenchmarkConnection is one chunk over a connection that is kept, the client's
// part included.
func BenchmarkConnection(b *testing.B) {
	w := newWorld(b, blinky, Chunks{}, telemetry.Upstream{})
	s, _ := w.serve(b, Config{})
	conn := dial(b, s)
	raw, buf := []byte(request(at(0))), make([]byte, 4096)
	head, body := ask(b, conn, string(raw))
	size := len(head) + len(body)
	b.ReportAllocs()
	b.SetBytes(int64(size))
	for b.Loop() {
		if _, err := conn.Write(raw); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(conn, buf[:size]); err != nil {
			b.Fatal(err)
		}
	}
}
