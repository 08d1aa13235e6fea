package upstream

import (
	"context"
	"errors"

	"havn/dfu"
)

// One sentinel per reaction of a caller.
var (
	// ErrRejected: the upstream does not want this very event, and will not want
	// it in an hour either. Publishers wrap it with the reason and what to do.
	ErrRejected = errors.New("rejected by the upstream")
	// ErrNoUpstream: no publisher accepts the event.
	ErrNoUpstream = errors.New("no upstream for it is configured")
	// ErrTooLarge: a payload is longer than MaxPayload.
	ErrTooLarge = errors.New("payload too large")
)

// Publisher speaks to one upstream, or to one account of it.
type Publisher interface {
	// Name names the publisher in logs, and its queue in the spool: it is unique
	// and stays the same over restarts.
	Name() string
	// Accepts reports whether e is for this upstream. It only looks at e.
	Accepts(e *Event) bool
	// Publish delivers e. Nil means that the upstream has taken it. An error that
	// wraps ErrRejected concerns this event alone; any other means that the
	// upstream is away. A *backoff.RetryAfterError in it says for how long: the
	// publisher is not called before that. Publish is called for several devices
	// at once, for one device never, and returns soon when ctx ends.
	Publish(ctx context.Context, e *Event) error
}

// Session is a Publisher that also has work of its own, such as a connection. The
// forwarder runs it.
type Session interface {
	// Run works until ctx ends, and returns when all of its work has ended.
	Run(ctx context.Context) error
	// Retry has what failed tried again now.
	Retry()
}

// Entry is an event in the queue of a line.
type Entry struct {
	Line  string // Publisher.Name
	ID    uint64 // given by the spool; grows in a line
	Event Event
}

// Refusal is an event that was set aside.
type Refusal struct {
	Entry  Entry
	Reason string
}

// Spool keeps the queues of all lines on disk. What a call wrote is there when
// it returns nil; after an error nothing of the call is. Its methods may be
// called concurrently.
type Spool interface {
	// Append stores entries, all or none. A status event supersedes the progress
	// that its line still holds of the device.
	Append(entries []Entry) error
	// Next returns the oldest entries of a line, at most n, without those of the
	// devices that skip names.
	Next(line string, n int, skip func(dfu.Device) bool) ([]Entry, error)
	// Settle forgets what was delivered and sets the refused aside. Entries that
	// are gone already, superseded or given up, are none of its concern.
	Settle(line string, delivered []Entry, refused []Refusal) error
}
