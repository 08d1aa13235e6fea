package telemetry

import (
	"container/list"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"havn/dfu"
)

// Patience is how long a command waits for its device: two default pauses between the
// reports of a device, so that the device gets the command after one lost datagram too.
const Patience = 10 * time.Minute

// Bounds of the inbox.
const (
	maxPerDevice = 8
	maxCommands  = 4096
	maxBytes     = 4 << 20
)

// logPace is how often lost commands are logged.
const logPace = 10 * time.Second

// Command is a command of the upstream for a device.
type Command struct {
	Name    string
	Payload []byte
}

// Stats counts the commands that no device got.
type Stats struct {
	Expired atomic.Uint64 // waited for Patience
	Dropped atomic.Uint64 // gave way to newer commands
}

// Inbox keeps commands until their devices ask. Its methods may be called concurrently.
type Inbox struct {
	log   *slog.Logger
	pace  rate.Sometimes
	stats Stats

	mu      sync.Mutex
	wakes   []func(dfu.Device)
	order   list.List // of waiting, the oldest first
	devices map[dfu.Device][]*list.Element
	bytes   int
}

// waiting is a command in the inbox.
type waiting struct {
	Command
	device dfu.Device
	until  time.Time
}

func (w *waiting) size() int { return len(w.Name) + len(w.Payload) }

// NewInbox returns an empty inbox. Log may be nil.
func NewInbox(log *slog.Logger) *Inbox {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Inbox{
		log: log, pace: rate.Sometimes{Interval: logPace}, devices: map[dfu.Device][]*list.Element{},
	}
}

// Stats returns the counters.
func (i *Inbox) Stats() *Stats { return &i.stats }

// Wake registers a function that is called with the device of each command that comes. It
// is for fronts that send to a device that did not ask. The function must not block.
func (i *Inbox) Wake(wake func(dfu.Device)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.wakes = append(i.wakes, wake)
}

// Put keeps a command for its device. If there is no room, the oldest commands are
// dropped.
func (i *Inbox) Put(dev dfu.Device, c Command) {
	for _, wake := range i.put(dev, c) {
		wake(dev)
	}
}

func (i *Inbox) put(dev dfu.Device, c Command) []func(dfu.Device) {
	now := time.Now()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.expire(now)
	if own := i.devices[dev]; len(own) >= maxPerDevice {
		i.drop(own[0])
	}
	w := &waiting{c, dev, now.Add(Patience)}
	i.devices[dev] = append(i.devices[dev], i.order.PushBack(w))
	i.bytes += w.size()
	for i.order.Len() > maxCommands || i.bytes > maxBytes {
		i.drop(i.order.Front())
	}
	return i.wakes
}

// Take takes the oldest command of a device out of the inbox.
func (i *Inbox) Take(application, device string) (name string, payload []byte, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.expire(time.Now())
	own := i.devices[dfu.Device{Application: application, Name: device}]
	if len(own) == 0 {
		return "", nil, false
	}
	w := i.remove(own[0])
	return w.Name, w.Payload, true
}

// Waiting returns how many commands wait.
func (i *Inbox) Waiting() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.expire(time.Now())
	return i.order.Len()
}

// expire removes the commands that have waited for Patience. These are the oldest ones.
func (i *Inbox) expire(now time.Time) {
	for e := i.order.Front(); e != nil && now.After(e.Value.(*waiting).until); e = i.order.Front() {
		i.stats.Expired.Add(1)
		i.complain("a command has expired because its device did not ask in time; send it again", i.remove(e))
	}
}

func (i *Inbox) drop(e *list.Element) {
	i.stats.Dropped.Add(1)
	i.complain("a command was dropped to make room for newer ones; send fewer commands at a time", i.remove(e))
}

// remove removes the oldest command of some device.
func (i *Inbox) remove(e *list.Element) *waiting {
	w := i.order.Remove(e).(*waiting)
	i.bytes -= w.size()
	if i.devices[w.device] = i.devices[w.device][1:]; len(i.devices[w.device]) == 0 {
		delete(i.devices, w.device)
	}
	return w
}

func (i *Inbox) complain(text string, w *waiting) {
	i.pace.Do(func() {
		i.log.Warn(text, slog.String("app", w.device.Application), slog.String("device", w.device.Name),
			slog.String("command", w.Name), slog.Uint64("expired", i.stats.Expired.Load()),
			slog.Uint64("dropped", i.stats.Dropped.Load()))
	})
}
