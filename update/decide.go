package update

import (
	"havn/dfu"
	"havn/firmware"
)

// Limits are what one answer may be: of the link and of the device's class.
type Limits struct {
	Payload    int    // bytes of CBOR one answer may carry
	Write      uint32 // most firmware bytes in one Write
	NoStart    bool   // an update may go on but not begin: the link has no airtime for more
	Align      uint32 // flash word: a chunk is a multiple of it, except a short tail; 0 = 1
	MaxVersion int    // longest version the device stores, bytes; 0 = any. Set by the engine.
}

// Decision is the outcome of Decide.
type Decision struct {
	Command dfu.Command // Write without its Data yet; Wait and Sync without a Poll
	Length  uint32      // firmware bytes of a Write, from Command.Offset
	Reason  Reason      // why the answer is Wait although a target was given
}

// Decide answers a Status of a device that should run want: the protocol's
// whole logic, pure. A nil want is answered with Wait.
func Decide(st *dfu.Status, want *firmware.Target, l Limits) Decision {
	cid := st.CorrelationID
	switch {
	case want == nil:
		return wait(cid, 0)
	case want.Is(st.Version):
		return Decision{Command: dfu.Command{Op: dfu.OpSync, Version: st.Version, CorrelationID: cid}}
	case l.MaxVersion > 0 && len(want.Version) > l.MaxVersion:
		return wait(cid, ReasonVersionTooLong)
	}
	swap := dfu.Command{Op: dfu.OpSwap, Version: want.VersionBytes(), CorrelationID: cid, Checksum: want.Digest[:]}
	offset, started := progress(st, want)
	switch {
	case offset > want.Transfer.Size:
		return wait(cid, ReasonBeyondEnd)
	case !started && l.NoStart:
		return wait(cid, ReasonBudget)
	case (!started || offset == want.Transfer.Size) && swap.Len() > l.Payload:
		return wait(cid, ReasonSwapTooLong)
	case offset == want.Transfer.Size:
		return Decision{Command: swap}
	}
	return write(st, want, offset, l)
}

// progress returns where a device stands in want, and whether it has begun.
func progress(st *dfu.Status, want *firmware.Target) (offset uint32, started bool) {
	if st.Updating && string(st.Update.Version) == want.Version {
		return st.Update.Offset, true
	}
	return 0, false
}

func write(st *dfu.Status, want *firmware.Target, offset uint32, l Limits) Decision {
	cmd := dfu.Command{Op: dfu.OpWrite, Version: want.VersionBytes(), CorrelationID: st.CorrelationID, Offset: offset}
	if offset%max(l.Align, 1) != 0 {
		return wait(st.CorrelationID, ReasonUnaligned)
	}
	room := uint32(max(cmd.MaxData(l.Payload), 0))
	if st.MTU > 0 {
		room = min(room, st.MTU)
	}
	n := chunk(want.Transfer.Size-offset, min(room, l.Write), max(l.Align, 1))
	if n == 0 {
		return wait(st.CorrelationID, ReasonChunkTooSmall)
	}
	return Decision{Command: cmd, Length: n}
}

// chunk returns how many of the left bytes to send when at most room fit.
// Devices write flash in words of align bytes: they take whole words, or a
// tail shorter than one word as the last chunk, but no mixture of both.
func chunk(left, room, align uint32) uint32 {
	if left <= room && left < align {
		return left
	}
	n := min(left, room)
	return n - n%align
}

func wait(cid dfu.Optional, why Reason) Decision {
	return Decision{Command: dfu.Command{Op: dfu.OpWait, CorrelationID: cid}, Reason: why}
}
