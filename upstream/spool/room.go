package spool

import (
	"bytes"
	"maps"
	"slices"

	"havn/upstream"
)

// A full spool frees one part in freedPart of the limit at once: freeing needs a
// walk through the queues, which would be too much for each event. Events set aside
// take at most one part in asidePart of the limit.
const (
	freedPart = 16
	asidePart = 16
)

// expendable tells whether an event may go.
type expendable func(w *writer, line string, key, data []byte) bool

// order lists which events go first.
var order = [...]expendable{
	func(_ *writer, _ string, key, _ []byte) bool { return keyKind(key) == upstream.Progress },
	func(_ *writer, _ string, key, _ []byte) bool { return keyKind(key) == upstream.Telemetry },
	(*writer).followed,
	func(*writer, string, []byte, []byte) bool { return true },
}

// makeRoom gives up events until the rest takes at most limit.
func (w *writer) makeRoom(limit int64) error {
	for _, may := range order {
		for _, line := range w.longestFirst() {
			if w.state.held().bytes <= limit {
				return nil
			}
			if err := w.free(line, limit-limit/freedPart, may); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *writer) longestFirst() []string {
	lines := slices.Collect(maps.Keys(w.state.lines))
	slices.SortFunc(lines, func(a, b string) int {
		return int(w.state.lines[b].bytes - w.state.lines[a].bytes)
	})
	return lines
}

// free gives up the oldest events of a line that may go, until the events held
// take at most goal.
func (w *writer) free(line string, goal int64, may expendable) error {
	var gone [][]byte
	excess := w.state.held().bytes - goal
	cursor := queue(w.tx, line).Cursor()
	for key, data := cursor.First(); key != nil && excess > 0; key, data = cursor.Next() {
		if may(w, line, key, data) {
			gone = append(gone, bytes.Clone(key))
			excess -= int64(overhead + len(data))
		}
	}
	for _, key := range gone {
		if kind := keyKind(key); kind.Valid() {
			w.state.stats.Dropped[kind]++
		}
	}
	return w.giveUp(line, gone)
}

// followed reports whether the queue holds a newer status of the same device.
// Without this event, the upstream still ends up with the right status.
func (w *writer) followed(line string, key, data []byte) bool {
	e, err := decodeEvent(keyID(key), data)
	if err != nil {
		return true
	}
	last := lineBucket(w.tx, line).Bucket(bucketLast).Get(deviceKey(e.Device))
	return len(last) > 0 && !bytes.Equal(last, key) // empty: the newer status was given up
}
