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

// maxRecent bounds the answers that are kept. Most have a dozen bytes, which
// makes about 5 MiB; at 1152 each they would take 40 MiB. At ten thousand
// messages a second they reach back three seconds, to the first retransmission.
const maxRecent = 1 << 15

// recent holds the answers to telemetry, so that a retransmission is answered
// alike and changes nothing.
type recent struct {
	seed maphash.Seed

	mu      sync.Mutex
	answers []answered // a ring when full
	oldest  int
	index   map[messageKey]int // into answers
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

func (r *recent) init() { r.seed, r.index = maphash.MakeSeed(), map[messageKey]int{} }

func (r *recent) key(peer netip.AddrPort, datagram []byte) messageKey {
	return messageKey{peer, maphash.Bytes(r.seed, datagram)}
}

// find returns the answer that a message was given, nil if it is new. It is
// valid while the caller holds mu.
func (r *recent) find(key messageKey, now time.Time) []byte {
	i, ok := r.index[key]
	if !ok || now.Sub(r.answers[i].at) >= exchangeLifetime {
		return nil
	}
	return r.answers[i].reply
}

// add keeps a copy of an answer, in place of the oldest when there are many. The
// caller holds mu.
func (r *recent) add(key messageKey, reply []byte, now time.Time) {
	i := r.oldest
	if len(r.answers) < maxRecent {
		i = len(r.answers)
		r.answers = append(r.answers, answered{})
	} else {
		r.oldest = (i + 1) % maxRecent
		if old := r.answers[i].key; r.index[old] == i {
			delete(r.index, old)
		}
	}
	a := &r.answers[i]
	a.key, a.at, a.reply = key, now, append(a.reply[:0], reply...)
	r.index[key] = i
}
