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

// shards is how many parts the index has. With so many, fronts on different cores
// hardly meet in one, and a walk over one takes less than a millisecond.
const shards = 256

// index is the rows by the hash of their devices: the names are in the rows alone.
// A lookup reads little memory, since that of a large fleet is in no cache of the
// processor.
type index struct {
	seed  maphash.Seed
	count atomic.Int64
	parts [shards]shard
}

// shard is a hash table with linear probing. A row is put into the slot of its
// hash, or into the next one that is free. At least a quarter of the slots is free.
type shard struct {
	mu    sync.RWMutex
	slots []slot // a power of two
	count int
}

type slot struct {
	hash uint64
	row  *Row // nil: free
}

// fewest is the size of an empty shard.
const fewest = 4

func newIndex() *index {
	x := &index{seed: maphash.MakeSeed()}
	for i := range x.parts {
		x.parts[i].slots = make([]slot, fewest)
	}
	return x
}

// hash returns the hash of a device, and the part that it is in.
func (x *index) hash(application, name []byte) (uint64, *shard) {
	h := maphash.Bytes(x.seed, name) ^ bits.RotateLeft64(maphash.Bytes(x.seed, application), 32)
	return h, &x.parts[h%shards]
}

// find returns the row of a device, nil if there is none. It does not allocate.
func (x *index) find(application, name []byte) *Row {
	h, s := x.hash(application, name)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.slots[s.find(h, application, name)].row
}

// home returns the slot that is the first one for a hash.
func (s *shard) home(h uint64) int { return int(h/shards) & (len(s.slots) - 1) }

func (s *shard) next(i int) int { return (i + 1) & (len(s.slots) - 1) }

// find returns the slot that a device is in, or the free one that it may be put in.
func (s *shard) find(h uint64, application, name []byte) int {
	i := s.home(h)
	for ; s.slots[i].row != nil; i = s.next(i) {
		if r := s.slots[i].row; s.slots[i].hash == h && r.name == string(name) &&
			r.application.String() == string(application) {
			break
		}
	}
	return i
}

// row returns the row of a device, nil if there is none.
func (x *index) row(dev dfu.Device) *Row {
	return x.find([]byte(dev.Application), []byte(dev.Name))
}

// add enters a row, unless its device has one, and returns that of the device.
func (x *index) add(row *Row) *Row {
	application, name := []byte(row.application.String()), []byte(row.name)
	h, s := x.hash(application, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.slots[s.find(h, application, name)].row; known != nil {
		return known
	}
	if s.count++; s.count*4 > len(s.slots)*3 {
		s.grow()
	}
	s.slots[s.find(h, application, name)] = slot{h, row}
	x.count.Add(1)
	return row
}

// grow doubles the slots.
func (s *shard) grow() {
	old := s.slots
	s.slots = make([]slot, 2*len(old))
	for _, e := range old {
		if e.row != nil {
			s.put(e)
		}
	}
}

// put enters what is not there.
func (s *shard) put(e slot) {
	i := s.home(e.hash)
	for s.slots[i].row != nil {
		i = s.next(i)
	}
	s.slots[i] = e
}

// remove takes a row out, and reports whether it was there.
func (x *index) remove(row *Row) bool {
	application, name := []byte(row.application.String()), []byte(row.name)
	h, s := x.hash(application, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(h, application, name)
	if s.slots[i].row != row {
		return false
	}
	s.slots[i] = slot{}
	for i = s.next(i); s.slots[i].row != nil; i = s.next(i) { // may have passed by the slot
		e := s.slots[i]
		s.slots[i] = slot{}
		s.put(e)
	}
	s.count--
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
	rows := make([]*Row, 0, s.count)
	for i := range s.slots {
		if r := s.slots[i].row; r != nil {
			rows = append(rows, r)
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

// sample appends up to n rows from a random slot on.
func (s *shard) sample(rows []*Row, n int) []*Row {
	s.mu.RLock()
	defer s.mu.RUnlock()
	i := rand.IntN(len(s.slots))
	for range s.slots {
		if r := s.slots[i].row; r != nil && n > 0 {
			rows, n = append(rows, r), n-1
		}
		i = s.next(i)
	}
	return rows
}
