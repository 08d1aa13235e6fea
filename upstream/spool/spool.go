package spool

import (
	"bytes"
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"go.etcd.io/bbolt"

	"havn/dfu"
	"havn/fault"
	"havn/firmware"
	"havn/upstream"
)

// DefaultSize is the Size of an empty Config, minSize the least that is of use.
const (
	DefaultSize = 64 * firmware.MiB
	minSize     = firmware.MiB
)

// Config is the upstream.spool section of the configuration.
type Config struct {
	// Size is the most that waiting events may take; 0 stands for DefaultSize. The
	// file is about as large, and at most twice as large: telemetry of half a page
	// and more fills pages badly. The file does not shrink.
	Size firmware.Size `yaml:"size"`
}

// Validate returns what is wrong with c, in which size is not left out.
func (c Config) Validate() (faults fault.List) {
	if c.Size < minSize {
		faults.Add("size", "%s: want at least %s", c.Size, minSize)
	}
	return faults
}

// Stats are the spool's gauges and its counters since it was opened.
type Stats struct {
	Events     int    // held
	Bytes      int64  // they take, of Config.Size
	SetAside   int    // refused events that can still be looked at
	Superseded uint64 // progress replaced by newer status before it was sent
	Damaged    uint64 // records that could not be read, removed
	Dropped    [len(upstream.Kinds)]uint64
}

// DroppedAll counts all events given up for want of room.
func (s Stats) DroppedAll() (n uint64) {
	for _, k := range s.Dropped {
		n += k
	}
	return n
}

// Spool is the open file. It implements upstream.Spool.
type Spool struct {
	db    *bbolt.DB
	limit int64
	log   *slog.Logger
	state atomic.Pointer[state]

	writing sync.Mutex // held by a writer from its look at state until the new state is set
}

// state is what is known of the file's content. It is immutable. Each transaction
// that succeeds replaces it.
type state struct {
	lines map[string]size
	aside size
	fresh bool
	stats Stats // counters only; gauges are derived from the sizes
}

// size is what a queue takes.
type size struct {
	events int
	bytes  int64
}

func (s *state) clone() *state {
	next := *s
	next.lines = maps.Clone(s.lines)
	return &next
}

// held returns what all lines take together.
func (s *state) held() (sum size) {
	for _, line := range s.lines {
		sum.events += line.events
		sum.bytes += line.bytes
	}
	return sum
}

// Stats returns the counters. It does not wait for the disk.
func (s *Spool) Stats() Stats {
	now := s.state.Load()
	stats, held := now.stats, now.held()
	stats.Events, stats.Bytes, stats.SetAside = held.events, held.bytes, now.aside.events
	return stats
}

// Fresh reports whether a line of this spool was never given a status: the file
// is new, it was damaged, or the line is new. Then every device is to be reported.
func (s *Spool) Fresh() bool { return s.state.Load().fresh }

// Close closes the file.
func (s *Spool) Close() error { return s.db.Close() }

// Append implements upstream.Spool.
func (s *Spool) Append(entries []upstream.Entry) error {
	err := s.update(func(w *writer) error {
		for i := range entries {
			if err := w.append(&entries[i]); err != nil {
				return err
			}
		}
		return w.makeRoom(s.limit)
	})
	if err != nil {
		return fmt.Errorf("spool: %d events not stored: %w", len(entries), err)
	}
	return nil
}

// Next implements upstream.Spool. Records that cannot be read are removed.
func (s *Spool) Next(line string, n int, skip func(dfu.Device) bool) ([]upstream.Entry, error) {
	var entries []upstream.Entry
	var damaged [][]byte
	err := s.db.View(func(tx *bbolt.Tx) error {
		cursor := queue(tx, line).Cursor()
		for key, data := cursor.First(); key != nil && len(entries) < n; key, data = cursor.Next() {
			e, err := decodeEvent(keyID(key), data)
			switch {
			case err != nil:
				damaged = append(damaged, bytes.Clone(key))
			case !skip(e.Device):
				entries = append(entries, upstream.Entry{Line: line, ID: keyID(key), Event: e})
			}
		}
		return nil
	})
	if err == nil && len(damaged) > 0 {
		s.log.Error("events in the spool are damaged and lost",
			slog.String("upstream", line), slog.Int("events", len(damaged)))
		err = s.removeDamaged(line, damaged)
	}
	if err != nil {
		return nil, fmt.Errorf("spool: events for %s: %w", line, err)
	}
	return entries, nil
}

func (s *Spool) removeDamaged(line string, keys [][]byte) error {
	return s.update(func(w *writer) error {
		w.state.stats.Damaged += uint64(len(keys))
		return w.giveUp(line, keys)
	})
}

// Settle implements upstream.Spool.
func (s *Spool) Settle(line string, delivered []upstream.Entry, refused []upstream.Refusal) error {
	err := s.update(func(w *writer) error {
		for i := range delivered {
			if err := w.remove(line, idKey(delivered[i].ID), settled); err != nil {
				return err
			}
		}
		for i := range refused {
			if err := w.setAside(line, &refused[i]); err != nil {
				return err
			}
		}
		return w.boundAside(s.limit / asidePart)
	})
	if err != nil {
		return fmt.Errorf("spool: %d events for %s: %w", len(delivered)+len(refused), line, err)
	}
	return nil
}

// Refused returns what was set aside, the oldest first.
func (s *Spool) Refused() ([]upstream.Refusal, error) {
	var all []upstream.Refusal
	err := s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketAside).ForEach(func(_, data []byte) error {
			var r refusal
			if err := decode.Unmarshal(data, &r); err != nil {
				return fmt.Errorf("%w: %w", errRecord, err)
			}
			e, err := decodeEvent(r.ID, r.Event)
			all = append(all, upstream.Refusal{
				Entry: upstream.Entry{Line: r.Line, ID: r.ID, Event: e}, Reason: r.Reason,
			})
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("spool: events set aside: %w", err)
	}
	return all, nil
}

// Owed returns the devices whose newest status some upstream was not given: the
// event was set aside, or given up for want of room. A new report of the device
// ends that.
func (s *Spool) Owed() ([]dfu.Device, error) {
	devices := map[dfu.Device]bool{}
	err := s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketLines).ForEachBucket(func(line []byte) error {
			return lineBucket(tx, string(line)).Bucket(bucketLast).ForEach(func(key, id []byte) error {
				if d, ok := keyDevice(key); ok && len(id) == 0 {
					devices[d] = true
				}
				return nil
			})
		})
	})
	if err != nil {
		return nil, fmt.Errorf("spool: devices to report anew: %w", err)
	}
	return slices.Collect(maps.Keys(devices)), nil
}

// update runs do in a transaction, with its effect on the state.
func (s *Spool) update(do func(*writer) error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	next := s.state.Load().clone()
	err := s.db.Update(func(tx *bbolt.Tx) error { return do(&writer{tx: tx, state: next}) })
	if err == nil {
		s.state.Store(next)
	}
	return err
}

func (c Config) limit() int64 { return int64(cmp.Or(c.Size, DefaultSize)) }

var _ upstream.Spool = (*Spool)(nil)
