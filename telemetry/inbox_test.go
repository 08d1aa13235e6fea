package telemetry

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"havn/dfu"
)

var dev = dfu.Device{Application: "app", Name: "d"}

// take returns the name of the next command of a device, empty if none waits.
func (i *Inbox) take(d dfu.Device) string {
	name, _, _ := i.Take(d.Application, d.Name)
	return name
}

func (i *Inbox) expect(t *testing.T, waiting int, expired, dropped uint64) {
	t.Helper()
	n, s := i.Waiting(), i.Stats()
	if n != waiting || s.Expired.Load() != expired || s.Dropped.Load() != dropped {
		t.Errorf("%d wait, %d expired, %d dropped; want %d, %d, %d",
			n, s.Expired.Load(), s.Dropped.Load(), waiting, expired, dropped)
	}
}

// Fronts that reach devices by themselves learn of commands that wait already.
func TestWake(t *testing.T) {
	i := NewInbox(nil)
	var woken []string
	for range 2 {
		i.Wake(func(d dfu.Device) { woken = append(woken, d.Name+i.take(d)) })
	}
	i.Put(dev, Command{"first", nil})
	if got := strings.Join(woken, ","); got != "dfirst,d" {
		t.Error(got)
	}
}

func TestInbox(t *testing.T) {
	i := NewInbox(nil)
	if i.take(dev) != "" {
		t.Error("an empty inbox has a command")
	}
	i.Put(dev, Command{"first", []byte("x")})
	i.Put(dev, Command{"second", nil})
	if i.take(dfu.Device{Application: "app", Name: "e"}) != "" || i.take(dfu.Device{Name: "d"}) != "" {
		t.Error("somebody else's command")
	}
	if name, payload, ok := i.Take("app", "d"); !ok || name != "first" || string(payload) != "x" {
		t.Errorf("%q %q %v", name, payload, ok)
	}
	if got := i.take(dev) + i.take(dev); got != "second" {
		t.Errorf("then %q", got)
	}
	i.expect(t, 0, 0, 0)
}

func TestInboxExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		i := NewInbox(slog.New(slog.NewTextHandler(&log, nil)))
		i.Put(dev, Command{"early", nil})
		time.Sleep(Patience / 2)
		i.Put(dev, Command{"late", nil})
		time.Sleep(Patience / 2)
		i.expect(t, 2, 0, 0)
		time.Sleep(time.Nanosecond)
		i.expect(t, 1, 1, 0)
		if got := i.take(dev); got != "late" {
			t.Errorf("%q", got)
		}
		if !strings.Contains(log.String(), "app=app device=d command=early") {
			t.Errorf("log: %s", &log)
		}
	})
}

func TestInboxIsBounded(t *testing.T) {
	i := NewInbox(nil)
	for n := range 2 * maxPerDevice {
		i.Put(dev, Command{fmt.Sprint(n), nil})
	}
	i.expect(t, maxPerDevice, 0, maxPerDevice)
	if got := i.take(dev); got != fmt.Sprint(maxPerDevice) {
		t.Errorf("the oldest is %q", got)
	}
	i = NewInbox(nil)
	for n := range 2 * maxCommands {
		i.Put(dfu.Device{Name: fmt.Sprint(n)}, Command{Name: "x"})
	}
	i.expect(t, maxCommands, 0, maxCommands)
	if len(i.devices) != maxCommands || i.bytes != maxCommands {
		t.Errorf("%d devices, %d bytes", len(i.devices), i.bytes)
	}
	big := make([]byte, maxBytes/2)
	i.Put(dev, Command{"", big})
	i.Put(dev, Command{"", big})
	i.expect(t, 2, 0, 2*maxCommands)
	i.Put(dev, Command{"", make([]byte, maxBytes+1)})
	i.expect(t, 0, 0, 2*maxCommands+3)
}

// TestInboxConcurrently: each command is handed out once.
func TestInboxConcurrently(t *testing.T) {
	i := NewInbox(nil)
	var work sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	for g := range 4 {
		work.Go(func() {
			for n := range 500 {
				i.Put(dfu.Device{Name: fmt.Sprint(n)}, Command{Name: fmt.Sprint(g, n)})
			}
		})
		work.Go(func() {
			for n := range 2000 {
				if name := i.take(dfu.Device{Name: fmt.Sprint(n % 500)}); name != "" {
					mu.Lock()
					got[name]++
					mu.Unlock()
				}
			}
		})
	}
	work.Wait()
	for name, n := range got {
		if n != 1 {
			t.Errorf("%s came %d times", name, n)
		}
	}
	i.expect(t, 2000-len(got), 0, 0)
}
