package device

import "fmt"

// Kind is a rule that a gateway broke.
type Kind string

// What a gateway must not do to a device of this kind.
const (
	WrongOffset    Kind = "wrong offset"          // a Write that does not continue what was written
	Unaligned      Kind = "unaligned block"       // longer than the flash word and no multiple of it
	OverMTU        Kind = "over MTU"              // more firmware in a Write than the device takes
	EmptyWrite     Kind = "empty write"           // a Write without firmware: the update never ends
	Overrun        Kind = "beyond the end"        // past the image's size, or what flash can hold
	VersionTooLong Kind = "version too long"      // real devices panic above 16 bytes
	VersionChanged Kind = "version changed"       // another version while one is being written
	BadChecksum    Kind = "bad checksum"          // not the SHA-256 of what was delivered
	EarlySwap      Kind = "early swap"            // before all was written
	SentAgain      Kind = "sent again"            // an image that the device has swapped to before
	PollOverflow   Kind = "poll overflow"         // more seconds than 32 bits of milliseconds hold
	Undecodable    Kind = "undecodable answer"    // the device cannot read it
	OverDatagram   Kind = "datagram too long"     // longer than RFC 7252 section 4.6 allows
	NotCommand     Kind = "not marked as command" // option 4210 or the Content-Format is wrong
	ETagMissing    Kind = "missing ETag"          // on a block
	ETagChanged    Kind = "changed ETag"          // between the blocks of one transfer
	ETagWrong      Kind = "wrong ETag"            // not the head of the manifest's digest
	BlockMismatch  Kind = "block mismatch"        // not the block or the size that was asked for
)

// Violation is one thing the gateway did wrong. It is an error too.
type Violation struct {
	Kind   Kind   `json:"kind"`
	Detail string `json:"detail"` // what came and what was due
}

// Error returns the kind and the detail.
func (v Violation) Error() string { return string(v.Kind) + ": " + v.Detail }

// Broken returns the violation of a rule.
func Broken(k Kind, format string, args ...any) Violation {
	return Violation{Kind: k, Detail: fmt.Sprintf(format, args...)}
}

// maxViolations bounds the list: a gateway that is wrong repeats itself.
const maxViolations = 64
