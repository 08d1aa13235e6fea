package spool

import (
	"bytes"

	"go.etcd.io/bbolt"

	"havn/upstream"
)

// overhead is what an event takes in the file beside its record: keys, headers
// and the device's entry in last, in pages that are not quite full.
const overhead = 96

// fill is how full the pages of a queue are: a queue grows at its end only.
const fill = 0.95

// writer is one write transaction, and the state after it.
type writer struct {
	tx    *bbolt.Tx
	state *state
}

func lineBucket(tx *bbolt.Tx, line string) *bbolt.Bucket {
	return tx.Bucket(bucketLines).Bucket([]byte(line))
}

func queue(tx *bbolt.Tx, line string) *bbolt.Bucket {
	return lineBucket(tx, line).Bucket(bucketEvents)
}

// append puts e at the end of its line.
func (w *writer) append(e *upstream.Entry) error {
	if e.Event.IsStatus() {
		if err := w.supersede(e); err != nil {
			return err
		}
	}
	events := queue(w.tx, e.Line)
	events.FillPercent = fill
	place, err := events.NextSequence()
	if err != nil {
		return err
	}
	data, err := encodeEvent(&e.Event)
	if err != nil {
		return err
	}
	id := newID(place, e.Event.Kind)
	if err := events.Put(idKey(id), data); err != nil {
		return err
	}
	w.count(e.Line, 1, len(data))
	if !e.Event.IsStatus() {
		return nil
	}
	return w.setLast(e, id)
}

// supersede removes the progress that e makes worthless.
func (w *writer) supersede(e *upstream.Entry) error {
	last := keyID(lineBucket(w.tx, e.Line).Bucket(bucketLast).Get(deviceKey(e.Event.Device)))
	if kindOf(last) != upstream.Progress {
		return nil
	}
	w.state.stats.Superseded++
	return w.remove(e.Line, idKey(last), settled)
}

func (w *writer) setLast(e *upstream.Entry, id uint64) error {
	if w.state.fresh {
		if err := w.told(); err != nil {
			return err
		}
	}
	return lineBucket(w.tx, e.Line).Bucket(bucketLast).Put(deviceKey(e.Event.Device), idKey(id))
}

// knowledge is what the upstream knows when an event leaves its line: settled if it
// knows the content of the event or will be told something newer, else owed.
type knowledge bool

const (
	settled knowledge = true
	owed    knowledge = false
)

// remove takes an event out of its line, if it is still there.
func (w *writer) remove(line string, key []byte, k knowledge) error {
	events := queue(w.tx, line)
	data := events.Get(key)
	if data == nil {
		return nil
	}
	w.count(line, -1, -len(data))
	if err := w.forgetLast(line, key, data, k); err != nil {
		return err
	}
	return events.Delete(key)
}

// forgetLast removes the entry of the event's device in last, if the entry is about
// this event. It leaves the entry empty if the upstream is owed the event.
func (w *writer) forgetLast(line string, key, data []byte, k knowledge) error {
	e, err := decodeEvent(keyID(key), data)
	if err != nil || !e.IsStatus() {
		return nil // damaged: an entry of last that leads nowhere does no harm
	}
	last, device := lineBucket(w.tx, line).Bucket(bucketLast), deviceKey(e.Device)
	if !bytes.Equal(last.Get(device), key) {
		return nil
	}
	if k == owed {
		return last.Put(device, nil)
	}
	return last.Delete(device)
}

// giveUp removes events that nobody was told.
func (w *writer) giveUp(line string, keys [][]byte) error {
	for _, key := range keys {
		if err := w.remove(line, key, owed); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) count(line string, events, recordBytes int) {
	s := w.state.lines[line]
	s.events += events
	s.bytes += int64(events*overhead + recordBytes)
	w.state.lines[line] = s
}

// setAside moves an event out of its line, with the reason.
func (w *writer) setAside(line string, r *upstream.Refusal) error {
	event, err := encodeEvent(&r.Entry.Event)
	if err != nil {
		return err
	}
	data, err := encode.Marshal(refusal{Line: line, ID: r.Entry.ID, Reason: r.Reason, Event: event})
	if err != nil {
		return err
	}
	aside := w.tx.Bucket(bucketAside)
	place, err := aside.NextSequence()
	if err != nil {
		return err
	}
	w.state.aside.events++
	w.state.aside.bytes += int64(overhead + len(data))
	if err := aside.Put(idKey(place), data); err != nil {
		return err
	}
	return w.remove(line, idKey(r.Entry.ID), owed)
}

// boundAside forgets the oldest events that were set aside until the rest takes at
// most limit.
func (w *writer) boundAside(limit int64) error {
	for w.state.aside.bytes > limit {
		key, data := w.tx.Bucket(bucketAside).Cursor().First()
		w.state.aside.events--
		w.state.aside.bytes -= int64(overhead + len(data))
		if err := w.tx.Bucket(bucketAside).Delete(key); err != nil {
			return err
		}
	}
	return nil
}
