package update

import (
	"hash/maphash"
	"iter"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"havn/dfu"
	"havn/update/release"
)

// shards is how many parts the device table has: so many that fronts on all cores
// hardly meet, and that to walk one takes less than a millisecond.
const shards = 256

// table is the rows by the hash of their devices: the names are in the rows alone.
type table struct {
	seed  maphash.Seed
	count atomic.Int64
	parts [shards]shard
}

type shard struct {
	mu   sync.RWMutex
	rows map[uint64]*Row // the first of its twins
	_    [32]byte        // a cache line is not shared
}

func newTable() *table {
	t := &table{seed: maphash.MakeSeed()}
	for i := range t.parts {
		t.parts[i].rows = map[uint64]*Row{}
	}
	return t
}

// hash returns the hash of a device.
func (t *table) hash(application, name []byte) uint64 {
	return maphash.Bytes(t.seed, name) ^ bits.RotateLeft64(maphash.Bytes(t.seed, application), 32)
}

// find returns the row of a device, nil if there is none. It does not allocate.
func (t *table) find(application, name []byte) *Row {
	h := t.hash(application, name)
	s := &t.parts[h%shards]
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.find(h, application, name)
}

func (s *shard) find(h uint64, application, name []byte) *Row {
	row := s.rows[h]
	for row != nil && (row.name != string(name) || row.application.String() != string(application)) {
		row = row.twin
	}
	return row
}

// row returns the row of a device, nil if there is none.
func (t *table) row(dev dfu.Device) *Row {
	return t.find([]byte(dev.Application), []byte(dev.Name))
}

// add enters a row, unless its device has one, and returns that of the device.
func (t *table) add(row *Row) *Row {
	application, name := []byte(row.application.String()), []byte(row.name)
	h := t.hash(application, name)
	s := &t.parts[h%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.find(h, application, name); known != nil {
		return known
	}
	row.twin = s.rows[h]
	s.rows[h] = row
	t.count.Add(1)
	return row
}

// remove takes a row out, and reports whether it was there.
func (t *table) remove(row *Row) bool {
	h := t.hash([]byte(row.application.String()), []byte(row.name))
	s := &t.parts[h%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.rows[h]
	at := &first
	for *at != row {
		if *at == nil {
			return false
		}
		at = &(*at).twin
	}
	*at, row.twin = row.twin, nil
	if s.rows[h] = first; first == nil {
		delete(s.rows, h)
	}
	t.count.Add(-1)
	return true
}

// all walks over the rows. Between two parts of the table it lets others run,
// so that answers do not wait for the walk.
func (t *table) all() iter.Seq[*Row] {
	return func(yield func(*Row) bool) {
		for i := range t.parts {
			for _, row := range t.parts[i].all() {
				if !yield(row) {
					return
				}
			}
			runtime.Gosched()
		}
	}
}

func (s *shard) all() []*Row {
	s.mu.RLock()
	defer s.mu.RUnlock()
	rows := make([]*Row, 0, len(s.rows))
	for _, row := range s.rows {
		for ; row != nil; row = row.twin {
			rows = append(rows, row)
		}
	}
	return rows
}

// sample returns up to n rows, from a random part on.
func (t *table) sample(n int) (rows []*Row) {
	first := rand.IntN(shards)
	for i := range shards {
		if rows = t.parts[(first+i)%shards].sample(rows, n-len(rows)); len(rows) >= n {
			break
		}
	}
	return rows
}

func (s *shard) sample(rows []*Row, n int) []*Row {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, row := range s.rows { // starts at a random place
		if n--; n < 0 {
			break
		}
		rows = append(rows, row)
	}
	return rows
}

// evictionSample is how many rows compete to leave a full table. Sampling
// keeps eviction cheap under a flood of invented names; the best of sixteen is
// close to the best of all.
const evictionSample = 16

// Lookup returns the row of a device, making one at first contact. The protocol
// is the name of the front that the device is heard on. Lookup does not allocate
// for a known device.
func (e *Engine) Lookup(protocol string, application, name []byte, now time.Time) *Row {
	row := e.rows.find(application, name)
	if row == nil {
		row = e.insert(dfu.Device{Application: string(application), Name: string(name)}, now)
	}
	if e.protocols.name(row.protocol.Load()) != protocol {
		row.protocol.Store(e.protocols.number(protocol))
	}
	return row
}

// newRow returns the row of a device that was not heard yet.
func (e *Engine) newRow(dev dfu.Device) *Row {
	return &Row{engine: e, application: intern(dev.Application), name: dev.Name, due: never}
}

// insert makes the row of a device that was not heard before.
func (e *Engine) insert(dev dfu.Device, now time.Time) *Row {
	row := e.newRow(dev)
	row.touch(now)
	e.assignRow(row)
	for e.rows.count.Load() >= int64(e.cfg.MaxDevices) && e.evict() {
	}
	return e.rows.add(row)
}

// evict removes one row: never-updated before updated, then the longest unseen.
// It reports whether there was one.
func (e *Engine) evict() bool {
	var worst *Row
	var worstKept bool
	var worstSeen int64
	for _, row := range e.rows.sample(evictionSample) {
		row.mu.Lock()
		kept, seen := row.worthKeeping(), row.seen
		row.mu.Unlock()
		if worst == nil || (worstKept && !kept) || (worstKept == kept && seen < worstSeen) {
			worst, worstKept, worstSeen = row, kept, seen
		}
	}
	if worst != nil && e.remove(worst) {
		e.stats.EvictedRows.Add(1)
	}
	return worst != nil
}

// remove takes a row from the table and, at the next flush, from the store. It
// reports whether the row was in the table.
func (e *Engine) remove(row *Row) bool {
	if !e.rows.remove(row) {
		return false
	}
	row.mu.Lock()
	defer row.mu.Unlock()
	row.mark()
	row.dropped = true
	return true
}

// assignRow looks up what the row's device should run.
func (e *Engine) assignRow(row *Row) *release.Release {
	spec, err := e.desired.Desired(row.device())
	if err == nil {
		err = spec.Validate()
	}
	var rel *release.Release
	if err == nil {
		rel = e.releases.Of(row.device().Application, spec)
	}
	row.mu.Lock()
	defer row.mu.Unlock()
	row.release, row.desired = rel, err
	return rel
}
