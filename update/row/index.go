package row

import (
	"hash/maphash"
	"iter"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"havn/dfu"
)

// shards is how many parts the index has: so many that fronts on all cores
// hardly meet, and that to walk one takes less than a millisecond.
const shards = 256

// index is the rows by their devices.
type index struct {
	seed  maphash.Seed
	count atomic.Int64
	parts [shards]shard
}

type shard struct {
	mu   sync.RWMutex
	rows map[dfu.Device]*Row
	_    [32]byte // a cache line is not shared
}

func newIndex() *index {
	x := &index{seed: maphash.MakeSeed()}
	for i := range x.parts {
		x.parts[i].rows = map[dfu.Device]*Row{}
	}
	return x
}

// shard returns the part that a device of a name is in.
func (x *index) shard(name []byte) *shard { return &x.parts[maphash.Bytes(x.seed, name)%shards] }

// find returns the row of a device, nil if there is none. It does not allocate.
func (s *shard) find(application, name []byte) *Row {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rows[dfu.Device{Application: string(application), Name: string(name)}]
}

// row returns the row of a device, nil if there is none.
func (x *index) row(dev dfu.Device) *Row {
	return x.shard([]byte(dev.Name)).find([]byte(dev.Application), []byte(dev.Name))
}

// add enters a row, unless its device has one, and returns that of the device.
func (x *index) add(row *Row) *Row {
	s := x.shard([]byte(row.device.Name))
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.rows[row.device]; known != nil {
		return known
	}
	s.rows[row.device] = row
	x.count.Add(1)
	return row
}

// remove takes a row out, and reports whether it was there.
func (x *index) remove(row *Row) bool {
	s := x.shard([]byte(row.device.Name))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows[row.device] != row {
		return false
	}
	delete(s.rows, row.device)
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
		rows = append(rows, row)
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
