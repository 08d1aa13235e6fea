package jsonl

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"havn/dfu"
	"havn/status"
	"havn/upstream"
	"havn/upstream/spool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	dev = dfu.Device{Application: "app", Name: "d"}
	at  = time.Date(2024, 1, 2, 3, 4, 5, 6_000_000, time.UTC)
)

func heat(contentType, payload string) *upstream.Event {
	return &upstream.Event{
		Kind: upstream.Telemetry, Device: dev, Time: at,
		Channel: "heat", ContentType: contentType, Payload: []byte(payload),
	}
}

// opened returns a publisher to a file in a directory of its own.
func opened(t *testing.T) *File {
	f := New(Config{Path: filepath.Join(t.TempDir(), "events.jsonl")})
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = f.Run(ctx)
	})
	return f
}

func (f *File) mustPublish(t *testing.T, e *upstream.Event) {
	t.Helper()
	if err := f.Publish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLines(t *testing.T) {
	f := opened(t)
	for _, state := range status.States {
		f.mustPublish(t, &upstream.Event{
			Kind: upstream.Transition, Device: dev, Time: at,
			Status: status.Status{Device: dev, Protocol: "coap", State: state, Current: "1", Target: "2", Size: 4},
		})
	}
	f.mustPublish(t, heat("application/json", "{\n \"t\": 21.5\n}"))
	f.mustPublish(t, heat("application/octet-stream", "\x00\xff"))
	f.mustPublish(t, heat("", ""))
	const begin = `{"time":"2024-01-02T03:04:05.006Z","application":"app","device":"d",`
	want := ""
	for _, state := range status.States {
		want += begin + `"kind":"transition","content_type":"application/json","data":{"current":"1","target":"2",` +
			`"state":"` + string(state) + `","offset":0,"size":4,"progress":0,"protocol":"coap","error":"",` +
			`"time":"2024-01-02T03:04:05.006Z"}}` + "\n"
	}
	want += begin + `"kind":"telemetry","channel":"heat","content_type":"application/json","data":{"t":21.5}}` + "\n" +
		begin + `"kind":"telemetry","channel":"heat","content_type":"application/octet-stream","data_base64":"AP8="}` + "\n" +
		begin + `"kind":"telemetry","channel":"heat"}` + "\n"
	if got := read(t, f.path); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	info, err := os.Stat(f.path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// A file that was rotated away keeps its lines, and a new one begins.
func TestRotation(t *testing.T) {
	f := opened(t)
	for i, rotate := range []func() error{
		func() error { return nil },
		func() error { return os.Rename(f.path, f.path+".1") },
		func() error { return os.Remove(f.path) },
		func() error { return os.Truncate(f.path, 0) },
	} {
		if err := rotate(); err != nil {
			t.Fatal(err)
		}
		f.mustPublish(t, heat("application/json", "1"))
		if n := strings.Count(read(t, f.path), "\n"); n != 1 {
			t.Errorf("rotation %d: %d lines", i, n)
		}
	}
	if n := strings.Count(read(t, f.path+".1"), "\n"); n != 1 {
		t.Errorf("%d lines in the file that was rotated away", n)
	}
}

// What a crash or a full disk left of a line spoils no other line.
func TestTornLine(t *testing.T) {
	f := opened(t)
	f.mustPublish(t, heat("application/json", "1"))
	whole := read(t, f.path)
	for n := range len(whole) {
		if err := os.WriteFile(f.path, []byte(whole[:n]), 0o600); err != nil {
			t.Fatal(err)
		}
		again := New(Config{Path: f.path})
		again.mustPublish(t, heat("application/json", "1"))
		again.close()
		if got := read(t, f.path); !strings.HasSuffix("\n"+got, "\n"+whole) {
			t.Errorf("after %d bytes: %s", n, got)
		}
	}
}

// While the disk is full the events wait in the spool, and then they come in their
// order.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full on this system")
	}
	f := opened(t)
	if err := os.Symlink("/dev/full", f.path); err != nil {
		t.Fatal(err)
	}
	if err := f.Publish(t.Context(), heat("", "x")); !errors.Is(err, syscall.ENOSPC) ||
		errors.Is(err, upstream.ErrRejected) || !strings.Contains(err.Error(), "app/d") {
		t.Error(err)
	}
	sp, err := spool.Open(t.TempDir(), spool.Config{}, []string{f.Name()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	forwarder := upstream.New(sp, []upstream.Publisher{f}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- forwarder.Run(ctx) }()
	defer func() { cancel(); <-done }()
	for _, state := range []status.State{status.Updating, status.InSync} {
		s := status.Status{Device: dev, State: state}
		if err := forwarder.Report([]status.Change{{Status: s, Transition: true, Time: at}}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() bool { return forwarder.Stats().Failed.Load() > 0 })
	if err := os.Remove(f.path); err != nil {
		t.Fatal(err)
	}
	forwarder.Retry()
	eventually(t, func() bool { return forwarder.Stats().Delivered.Load() == 2 })
	text := read(t, f.path)
	if first, second := strings.Index(text, `"updating"`), strings.Index(text, `"in-sync"`); first < 0 || second < first {
		t.Error(text)
	}
}

func eventually(t *testing.T, what func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !what(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it has not happened")
		}
	}
}

func TestValidate(t *testing.T) {
	dir := t.TempDir()
	for path, wrong := range map[string]bool{"": false, dir: true, filepath.Join(dir, "new"): false} {
		if faults := (Config{Path: path}).Validate(); (len(faults) > 0) != wrong {
			t.Errorf("%s: %v", path, faults)
		}
	}
}

// Whatever a device sends is one line, and says what it sent.
func FuzzLine(f *testing.F) {
	f.Add("app", "d", "heat", "application/json", []byte("{}\n"))
	f.Add("\xff", "\n", "", "text/plain", []byte("a\nb"))
	f.Fuzz(func(t *testing.T, application, device, channel, contentType string, payload []byte) {
		e := heat(contentType, string(payload))
		e.Channel, e.Device = channel, dfu.Device{Application: application, Name: device}
		text, err := lineOf(e)
		if err != nil || bytes.IndexByte(text, '\n') != len(text)-1 {
			t.Fatalf("%q, %v", text, err)
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil || l.Data == nil && !bytes.Equal(l.DataBase64, payload) {
			t.Errorf("%q, %v", text, err)
		}
	})
}
