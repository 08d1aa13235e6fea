package mqtt

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"havn/front"
	"havn/front/fronttest"
	"havn/telemetry"
	"havn/update/updatetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// blinky is the firmware of all worlds: whole words, and a short tail.
var blinky = updatetest.New("2.0.0", 50_003)

// world is a front that runs, over an engine that has blinky for all devices of
// application "edge".
type world struct {
	*Front
	inbox *telemetry.Inbox
	log   *fronttest.Log

	mu   sync.Mutex
	told []string // telemetry taken, as DEVICE CHANNEL TYPE PAYLOAD
}

// newWorld returns a world with an upstream.
func newWorld(t testing.TB, c Chunks) *world {
	t.Helper()
	w := &world{inbox: telemetry.NewInbox(nil), log: new(fronttest.Log)}
	w.start(t, c, telemetry.Upstream{Telemetry: w.take, Commands: w.inbox.Take})
	return w
}

func (w *world) start(t testing.TB, c Chunks, up telemetry.Upstream) {
	t.Helper()
	f, err := New(Setup{Config{Listen: "127.0.0.1:0"}, c}, front.Parts{
		Engine: blinky.Engine(t), Upstream: up, Log: slog.New(slog.NewTextHandler(w.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Front = f
	fronttest.Run(t, f)
}

func (w *world) take(application, device, channel, contentType string, payload []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if channel == "full" {
		return errors.New("the spool is full")
	}
	w.told = append(w.told, strings.Join([]string{application, device, channel, contentType, string(payload)}, " "))
	return nil
}

// taken returns the telemetry taken so far.
func (w *world) taken() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.told, "\n")
}

// routed returns how many devices have a connection that takes their commands.
func (w *world) routed() int {
	w.Front.mu.Lock()
	defer w.Front.mu.Unlock()
	return len(w.Front.routes)
}

// until waits for a condition.
func until(t testing.TB, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never happened")
		}
	}
}

// until waits until so many connections are open.
func (w *world) until(t testing.TB, connections float64) {
	t.Helper()
	until(t, func() bool { return w.Counts().Extra()[0].Value == connections })
}
