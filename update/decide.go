package update

import (
	"havn/dfu"
	"havn/firmware"
	"havn/update/guard"
)

// Limits are what one answer may be: of the link and of the device's class.
type Limits struct {
	Payload int    // bytes of CBOR one answer may carry
	Write   uint32 // most firmware bytes in one Write
	Align   uint32 // flash word: a chunk is a multiple of it, except a short tail; 0 = 1
	NoStart bool   // an update may go on but not begin: the network has no airtime for more
}

// Decision is the outcome of Decide.
type Decision struct {
	Command dfu.Command  // Write without its Data yet; Wait and Sync without a Poll
	Length  uint32       // firmware bytes of a Write, from Command.Offset
	Reason  guard.Reason // why the answer is Wait although a target was given
}

// Decide answers a Status of a device that should run want, and may take its
// next step: the protocol's whole logic, pure. A nil want is answered with Wait.
func Decide(st *dfu.Status, want *firmware.Target, l Limits) Decision {
	switch {
	case want == nil:
		return wait(st, guard.ReasonNone)
	case want.Is(st.Version):
		return Decision{Command: dfu.Command{Op: dfu.OpSync, Version: st.Version, CorrelationID: st.CorrelationID}}
	}
	offset, step := standing(st, want)
	switch {
	case offset > want.Transfer.Size:
		return wait(st, guard.ReasonBeyondEnd)
	case step == guard.Swap:
		return Decision{Command: swap(st, want)}
	}
	return write(st, want, offset, l)
}

// standing returns where a device stands in the transfer of want, and its next
// step.
func standing(st *dfu.Status, want *firmware.Target) (offset uint32, step guard.Step) {
	switch {
	case !st.Updating || string(st.Update.Version) != want.Version:
		return 0, guard.Start
	case st.Update.Offset == want.Transfer.Size:
		return st.Update.Offset, guard.Swap
	}
	return st.Update.Offset, guard.Proceed
}

func swap(st *dfu.Status, want *firmware.Target) dfu.Command {
	return dfu.Command{
		Op: dfu.OpSwap, Version: want.VersionBytes(), CorrelationID: st.CorrelationID, Checksum: want.Digest[:],
	}
}

func write(st *dfu.Status, want *firmware.Target, offset uint32, l Limits) Decision {
	cmd := dfu.Command{Op: dfu.OpWrite, Version: want.VersionBytes(), CorrelationID: st.CorrelationID, Offset: offset}
	if offset%max(l.Align, 1) != 0 {
		return wait(st, guard.ReasonUnaligned)
	}
	room := uint32(max(cmd.MaxData(l.Payload), 0))
	if st.MTU > 0 {
		room = min(room, st.MTU)
	}
	n := chunk(want.Transfer.Size-offset, min(room, l.Write), max(l.Align, 1))
	if n == 0 {
		return wait(st, guard.ReasonChunkTooSmall)
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

func wait(st *dfu.Status, why guard.Reason) Decision {
	return Decision{Command: dfu.Command{Op: dfu.OpWait, CorrelationID: st.CorrelationID}, Reason: why}
}
