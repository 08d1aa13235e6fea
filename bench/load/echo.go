package load

import "bytes"

// Echo is the Transfer against a [Responder]: the requests are those of another
// Transfer, the answers are their heads in a datagram of fixed size.
type Echo struct {
	Requests Transfer
	Reply    int // bytes of an answer
	Chunk    int // bytes of firmware that an answer stands for
	Size     int // bytes of the image it stands for
}

// AppendRequest implements Transfer.
func (t *Echo) AppendRequest(b []byte, p *Peer) []byte { return t.Requests.AppendRequest(b, p) }

// Check implements Transfer. The generator has compared message ID and token.
func (t *Echo) Check(p *Peer, datagram []byte) (int, error) {
	if len(datagram) != t.Reply || datagram[0] != requestHead {
		return 0, wrong("%d bytes that begin with %#02x, want %d with %#02x",
			len(datagram), datagram[0], t.Reply, requestHead)
	}
	if n := len(datagram); !bytes.Equal(datagram[headSize:], filler[headSize:n]) {
		return 0, wrong("the answer is not what the responder sends")
	}
	n := min(t.Chunk, t.Size-int(p.Offset))
	p.advance(n, t.Size)
	return n, nil
}

// maxDatagram is the longest answer that is received, in bytes.
const maxDatagram = 2048

// filler is what a Responder sends, but for the head.
var filler = func() (b [maxDatagram]byte) {
	for i := range b {
		b[i] = byte(i)
	}
	return b
}()
