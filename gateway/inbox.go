package gateway

import (
	"sync"
	"time"

	"havn/gateway/dfu"
	"havn/upstream/drogue"
)

// Bounds of the inbox. A command is for now: a device that does not ask within
// its time is better sent a new one.
const (
	inboxDevices = 10000
	inboxTime    = time.Minute
)

// inbox holds the last command for each device until its next request, for a
// bounded time. Its zero value is empty.
type inbox struct {
	mu       sync.Mutex
	commands map[dfu.Device]waiting
}

type waiting struct {
	drogue.Command
	until time.Time
}

// put keeps c for its device, in place of an earlier one. A full inbox gives up
// one command for it.
func (i *inbox) put(c drogue.Command) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.commands == nil {
		i.commands = map[dfu.Device]waiting{}
	}
	if len(i.commands) >= inboxDevices {
		for dev := range i.commands {
			delete(i.commands, dev)
			break
		}
	}
	dev := dfu.Device{Application: c.Application, Name: c.Device}
	i.commands[dev] = waiting{c, time.Now().Add(inboxTime)}
}

// take hands the command of a device out, once.
func (i *inbox) take(application, device string) (name string, payload []byte, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	dev := dfu.Device{Application: application, Name: device}
	w, ok := i.commands[dev]
	delete(i.commands, dev)
	if !ok || time.Now().After(w.until) {
		return "", nil, false
	}
	return w.Name, w.Payload, true
}
