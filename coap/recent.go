package coap

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// exchangeLifetime is for how long a copy of a message may arrive (RFC 7252
// section 4.8.2, EXCHANGE_LIFETIME).
const exchangeLifetime = 247 * time.Second

// Bounds of the answers that are kept: 32768 in all. Most answers have a dozen
// bytes, which makes about 5 MiB in all; with 1152 bytes each they take 40 MiB. At
// ten thousand messages a second the oldest answer is three seconds old, which is as
// late as a first retransmission comes.
const (
	shards   = 64
	perShard = 512
)

// recent holds the answers to telemetry, so that a retransmission is answered
// alike and changes nothing. A shard is locked while a message is handed on: copies
// of the message wait for its answer. Two other messages seldom share a shard.
type recent struct {
	seed   maphash.Seed
	shards [shards]shard
}

type shard struct {
	mu      sync.Mutex
	answers []answered // a ring when full
	oldest  int
	index   map[messageKey]int // into answers

	_ [16]byte // a cache line of its own
}

// messageKey names a message: its sender, its message ID and its token. Copies
// are exact, so the sum is over all of the datagram: a client that counts its
// IDs anew, or uses one for all it sends, is not taken for its own echo.
type messageKey struct {
	peer netip.AddrPort
	sum  uint64
}

type answered struct {
	key   messageKey
	at    time.Time
	reply []byte
}

func (r *recent) init() {
	r.seed = maphash.MakeSeed()
	for i := range r.shards {
		r.shards[i].index = map[messageKey]int{}
	}
}

// key returns the key of a message, and the shard that has its answer.
func (r *recent) key(peer netip.AddrPort, datagram []byte) (messageKey, *shard) {
	key := messageKey{peer, maphash.Bytes(r.seed, datagram)}
	return key, &r.shards[maphash.Comparable(r.seed, key)%shards]
}

// find returns the answer that a message was given, nil if it is new. It is
// valid while the caller holds mu.
func (s *shard) find(key messageKey, now time.Time) []byte {
	i, ok := s.index[key]
	if !ok || now.Sub(s.answers[i].at) >= exchangeLifetime {
		return nil
	}
	return s.answers[i].reply
}

// add keeps a copy of an answer, in place of the oldest when there are many. The
// caller holds mu.
func (s *shard) add(key messageKey, reply []byte, now time.Time) {
	i := s.oldest
	if len(s.answers) < perShard {
		i = len(s.answers)
		s.answers = append(s.answers, answered{})
	} else {
		s.oldest = (i + 1) % perShard
		if old := s.answers[i].key; s.index[old] == i {
			delete(s.index, old)
		}
	}
	a := &s.answers[i]
	a.key, a.at, a.reply = key, now, append(a.reply[:0], reply...)
	s.index[key] = i
}
