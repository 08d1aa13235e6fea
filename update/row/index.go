package row

import (
	"hash/maphash"
	"iter"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"havn/dfu"
)

// shards is how many parts the index has: so many that fronts on all cores
// hardly meet, and that to walk one takes less than a millisecond.
const shards = 256

// index is the rows by the hash of their devices: the names are in the rows alone.
type index struct {
	seed  maphash.Seed
	count atomic.Int64
	parts [shards]shard
}

type shard struct {
	mu   sync.RWMutex
	rows map[uint64]*Row // the first of its twins
	_    [32]byte        // a cache line is not shared
}

func newIndex() *index {
	x := &index{seed: maphash.MakeSeed()}
	for i := range x.parts {
		x.parts[i].rows = map[uint64]*Row{}
	}
	return x
}

// hash returns the hash of a device.
func (x *index) hash(application, name []byte) uint64 {
	return maphash.Bytes(x.seed, name) ^ bits.RotateLeft64(maphash.Bytes(x.seed, application), 32)
}

// find returns the row of a device, nil if there is none. It does not allocate.
func (x *index) find(application, name []byte) *Row {
	h := x.hash(application, name)
	s := &x.parts[h%shards]
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
func (x *index) row(dev dfu.Device) *Row {
	return x.find([]byte(dev.Application), []byte(dev.Name))
}

// add enters a row, unless its device has one, and returns that of the device.
func (x *index) add(row *Row) *Row {
	application, name := []byte(row.application.String()), []byte(row.name)
	h := x.hash(application, name)
	s := &x.parts[h%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.find(h, application, name); known != nil {
		return known
	}
	row.twin = s.rows[h]
	s.rows[h] = row
	x.count.Add(1)
	return row
}

// remove takes a row out, and reports whether it was there.
func (x *index) remove(row *Row) bool {
	h := x.hash([]byte(row.application.String()), []byte(row.name))
	s := &x.parts[h%shards]
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
	x.count.Add(-1)
	return true
}

// all walks over the rows. Between two parts of the index it lets others run,
// so that answers do not wait for the walk.
func (x *index) all() iter.Seq[*Row] {
	return func(yield func(*Row) bool) {
		for i := range x.parts {
			for _, row := range x.parts[i].all() {
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
func (x *index) sample(n int) (rows []*Row) {
	first := rand.IntN(shards)
	for i := range shards {
		if rows = x.parts[(first+i)%shards].sample(rows, n-len(rows)); len(rows) >= n {
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
