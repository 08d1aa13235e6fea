package queue_test

import (
	"slices"
	"testing"
	"time"

	"havn/dfu"
	"havn/lorawan/event"
	"havn/lorawan/queue"
)

var (
	start = time.Unix(1_800_000_000, 0)

	unnamed = event.DownlinkID{}
	write   = event.DownlinkID{1}
	probe1  = event.DownlinkID{2}
	probe2  = event.DownlinkID{3}
	foreign = event.DownlinkID{9}

	version = []byte("0.1.1")
)

// book is an account and its clock.
type book struct {
	queue.Queue
	now time.Time
}

// step changes an account.
type step func(*book)

// uplink is an uplink that shows nothing. The account is asked whether it is free, as
// each uplink asks.
func uplink(b *book) {
	b.now = b.now.Add(time.Minute)
	b.Passed(b.now)
	b.Free()
}

func uplinks(n int) step {
	return func(b *book) {
		for range n {
			uplink(b)
		}
	}
}

func put(it queue.Item) step { return func(b *book) { b.Put(it, b.now) } }

var (
	puts    = put(queue.Item{ID: write, Op: dfu.OpWrite, Version: version, Offset: 100})
	swaps   = put(queue.Item{ID: write, Op: dfu.OpSwap, Version: version})
	command = put(queue.Item{ID: write, Command: true})
)

func probes(id event.DownlinkID) step { return func(b *book) { b.PutProbe(id) } }
func sent(id event.DownlinkID) step   { return func(b *book) { b.Sent(id) } }
func kept(id event.DownlinkID) step   { return func(b *book) { b.Kept(id) } }
func flushed(b *book)                 { b.Flushed() }

// The beginnings of several histories.
var (
	shown       = []step{puts, status("0.1.1", 101)}
	probed      = []step{puts, uplinks(5), probes(probe1)}
	probedTwice = then(probed, uplinks(4), probes(probe2))
	drains      = then(probed, sent(unnamed))
)

// then returns a history that goes on.
func then(history []step, steps ...step) []step { return slices.Concat(history, steps) }

// left wants the answer of Left.
func left(t *testing.T, id event.DownlinkID, want bool) step {
	return func(b *book) {
		t.Helper()
		if b.Left(id) != want {
			t.Errorf("Left(%v): %v, want %v", id[0], !want, want)
		}
	}
}

// status is a Status of an update under way, at an offset.
func status(version string, offset uint32) step {
	return func(b *book) {
		b.See(&dfu.Status{
			Version: []byte("0.1.0"), Updating: true,
			Update: dfu.Progress{Version: []byte(version), Offset: offset},
		})
	}
}

// running is a Status of a device that does not update.
func running(version string) step {
	return func(b *book) { b.See(&dfu.Status{Version: []byte(version)}) }
}

// The states of an account, as its answers tell them.
const (
	empty    = "empty"    // free and idle
	queued   = "queued"   // the last downlink may be in the queue
	overdue  = "overdue"  // the same, and it is time for a probe
	draining = "draining" // only probes may be in the queue
)

// state asks a copy of the account, as Free counts how often it is asked.
func state(b *book) string {
	q := b.Queue
	free, silent := q.Free(), q.Silent
	answers := [...]bool{free, q.Idle(), q.TakesCommand(), q.Overdue()}
	q.Passed(b.now)
	switch counts := q.Silent > silent; {
	case answers == [...]bool{true, true, true, false} && !counts:
		return empty
	case answers == [...]bool{false, false, true, true} && counts:
		return overdue
	case answers == [...]bool{false, false, false, false} && counts:
		return queued
	case answers == [...]bool{false, false, false, false}:
		return draining
	}
	return "none of the states"
}

// TestTransitions goes through all states with each method, for servers that name
// downlinks and for those that do not.
func TestTransitions(t *testing.T) {
	for name, tt := range map[string]struct {
		steps []step
		want  string
	}{
		"zero value": {nil, empty},
		"uplinks":    {[]step{uplinks(10)}, empty},

		"empty: txack":           {[]step{sent(unnamed)}, empty},
		"empty: foreign txack":   {[]step{sent(foreign)}, empty},
		"empty: left":            {[]step{left(t, unnamed, false), left(t, write, false)}, empty},
		"empty: kept":            {[]step{kept(unnamed), kept(write)}, empty},
		"empty: joined":          {[]step{flushed}, empty},
		"empty: Status":          {[]step{status("0.1.1", 200)}, empty},
		"empty: Write":           {[]step{puts}, queued},
		"empty: command":         {[]step{command}, queued},
		"queued: txack":          {[]step{puts, sent(unnamed)}, empty},
		"queued: named txack":    {[]step{puts, sent(write)}, empty},
		"queued: foreign txack":  {[]step{puts, sent(foreign)}, queued},
		"queued: left":           {[]step{puts, left(t, unnamed, true)}, empty},
		"queued: named left":     {[]step{puts, left(t, write, true)}, empty},
		"queued: foreign left":   {[]step{puts, left(t, foreign, false)}, queued},
		"queued: left twice":     {[]step{puts, left(t, write, true), left(t, write, false)}, empty},
		"queued: kept":           {[]step{puts, kept(unnamed)}, queued},
		"queued: joined":         {[]step{puts, flushed}, empty},
		"queued: 4 uplinks":      {[]step{puts, uplinks(4)}, queued},
		"queued: 5 uplinks":      {[]step{puts, uplinks(5)}, overdue},
		"queued: command, 5":     {[]step{command, uplinks(5)}, overdue},
		"queued: after a sign":   {[]step{puts, uplinks(4), sent(write), puts, uplinks(4)}, queued},
		"queued: kept starts it": {[]step{puts, uplinks(4), kept(unnamed), uplinks(4)}, queued},
		"queued: named kept":     {[]step{puts, uplinks(5), kept(write)}, queued},
		"queued: foreign kept":   {[]step{puts, uplinks(5), kept(foreign)}, overdue},

		"Write: offset moved":         {[]step{puts, status("0.1.1", 101)}, empty},
		"Write: offset stands":        {[]step{puts, status("0.1.1", 100)}, queued},
		"Write: offset of another":    {[]step{puts, status("0.0.9", 200)}, queued},
		"Write: not updating":         {[]step{puts, running("0.1.1")}, queued},
		"Swap: done":                  {[]step{swaps, running("0.1.1")}, empty},
		"Swap: old version":           {[]step{swaps, running("0.1.0")}, queued},
		"Swap: updating":              {[]step{swaps, status("0.1.1", 101)}, queued},
		"command: no Status shows it": {[]step{command, running("0.1.1"), status("0.1.1", 101)}, queued},
		"shown, then its txack":       {then(shown, puts, sent(unnamed)), queued},
		"shown, then two txacks":      {then(shown, puts, sent(unnamed), sent(unnamed)), empty},
		"shown, then a named txack":   {then(shown, puts, sent(write)), empty},
		"shown, then an error":        {then(shown, puts, left(t, unnamed, true)), empty},
		"shown, joined, then a txack": {then(shown, flushed, puts, sent(unnamed)), empty},

		"probed":                  {then(probed), queued},
		"probed: 3 uplinks":       {then(probed, uplinks(3)), queued},
		"probed: 4 uplinks":       {then(probed, uplinks(4)), overdue},
		"probed twice: 7 uplinks": {then(probedTwice, uplinks(7)), queued},
		"probed twice: 8 uplinks": {then(probedTwice, uplinks(8)), overdue},
		"probed: joined":          {then(probed, flushed), empty},
		"probed: kept":            {then(probed, uplinks(4), kept(unnamed)), queued},
		"probed: named txack":     {then(probed, sent(probe1)), empty},
		"probed: txack of Write":  {then(probed, sent(write)), draining},
		"probed: foreign txack":   {then(probed, sent(foreign)), queued},
		"probed: older txack":     {then(probedTwice, sent(probe1)), queued},
		"probed: newest txack":    {then(probedTwice, sent(probe2)), empty},
		"probed: shown":           {then(probed, status("0.1.1", 101)), draining},

		"draining: unnamed":       {then(drains), draining},
		"draining: txack":         {then(drains, sent(unnamed)), empty},
		"draining: uplink":        {then(drains, uplink), empty},
		"draining: kept":          {then(drains, uplink, kept(unnamed)), draining},
		"draining two: uplink":    {then(probedTwice, sent(unnamed), uplink), draining},
		"draining two: 2 uplinks": {then(probedTwice, sent(unnamed), uplinks(2)), empty},
		"draining two: txack":     {then(probedTwice, sent(unnamed), sent(unnamed)), draining},
		"draining: left":          {then(drains, left(t, unnamed, true)), empty},
		"draining: joined":        {then(drains, flushed), empty},
		"drained, then its txack": {then(drains, uplinks(2), puts, sent(unnamed)), queued},
		"draining: a new Write":   {then(drains, uplinks(2), puts), queued},
		"replaced when overdue":   {[]step{puts, uplinks(5), puts, uplinks(4)}, queued},
		"replaced, then its sign": {[]step{puts, uplinks(5), puts, sent(write)}, empty},
	} {
		b := &book{now: start}
		for _, s := range tt.steps {
			s(b)
		}
		if got := state(b); got != tt.want {
			t.Errorf("%s: %s, want %s; %+v", name, got, tt.want, b.Queue)
		}
	}
}

// TestSilent: uplinks count since the last sign, and only while something is queued.
func TestSilent(t *testing.T) {
	b := &book{now: start}
	for i, tt := range []struct {
		step step
		want int
	}{
		{uplinks(3), 0}, {puts, 0}, {uplinks(3), 3}, {kept(unnamed), 0}, {uplinks(2), 2}, {sent(foreign), 2},
		{sent(write), 0}, {uplinks(2), 0}, {puts, 0}, {uplink, 1}, {status("0.1.1", 101), 0}, {puts, 0},
		{uplink, 1}, {flushed, 0},
	} {
		if tt.step(b); b.Silent != tt.want {
			t.Errorf("step %d: %d, want %d", i, b.Silent, tt.want)
		}
	}
}

// TestExpiry: a downlink may ride the next window but one, as far as the pace of the
// device is known.
func TestExpiry(t *testing.T) {
	for name, tt := range map[string]struct{ pause, want time.Duration }{
		"heard once":         {0, time.Hour},
		"each minute":        {time.Minute, 90 * time.Second},
		"each second":        {time.Second, 5 * time.Second},
		"each day":           {24 * time.Hour, 24 * time.Hour},
		"the clock went off": {-time.Minute, time.Hour},
	} {
		now := start
		var q queue.Queue
		q.Passed(now)
		if tt.pause != 0 {
			now = now.Add(tt.pause)
			q.Passed(now)
		}
		for _, change := range []func(){func() {}, q.Flushed, func() { q.Put(queue.Item{ID: write}, now) }} {
			if change(); q.Expiry(now).Sub(now) != tt.want {
				t.Errorf("%s: %v, want %v", name, q.Expiry(now).Sub(now), tt.want)
			}
		}
		if fresh := q.Last.Fresh.Sub(now); fresh != tt.want/2 {
			t.Errorf("%s: fresh for %v, want %v", name, fresh, tt.want/2)
		}
	}
}
