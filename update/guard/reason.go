package guard

import (
	"fmt"
	"slices"

	"havn/status"
)

// Reason is why a device that should update is told to wait. It is kept as a
// number, so that noting one costs nothing; rows render it for people.
type Reason uint8

// The reasons. Those from ReasonRolledBack on mean that the update failed.
const (
	ReasonNone            Reason = iota
	ReasonFetching               // the image is not in memory yet
	ReasonVersionTooLong         // longer than update.max_version
	ReasonSwapTooLong            // the final Swap does not fit the link
	ReasonChunkTooSmall          // not one flash word fits the link or the mtu
	ReasonBeyondEnd              // the device is past the end of the image
	ReasonUnaligned              // the device is inside a flash word
	ReasonBudget                 // its network has no airtime left for another update
	ReasonUnknownInFlight        // the device writes a version that no source has
	ReasonRolledBack             // it came back with the version it ran before
	ReasonOtherVersion           // it came back with a version that is other firmware
	reasons
)

// reasonNames are the reasons as rows are stored with them. A name is never
// given to another reason.
var reasonNames = [reasons]string{
	ReasonFetching: "fetching", ReasonVersionTooLong: "version-too-long", ReasonSwapTooLong: "swap-too-long",
	ReasonChunkTooSmall: "chunk-too-small", ReasonBeyondEnd: "beyond-end", ReasonUnaligned: "unaligned",
	ReasonBudget: "budget", ReasonUnknownInFlight: "unknown-in-flight", ReasonRolledBack: "rolled-back",
	ReasonOtherVersion: "other-version",
}

// ReasonOf returns the reason of a name, ReasonNone for a name that is unknown.
func ReasonOf(name string) Reason {
	return Reason(max(slices.Index(reasonNames[:], name), 0))
}

// String returns the name of the reason, empty for ReasonNone.
func (r Reason) String() string { return reasonNames[r] }

// Failed reports whether the reason stays until an operator acts or the target
// moves.
func (r Reason) Failed() bool { return r >= ReasonRolledBack }

// Text explains r for people, to a device that stands at v and, where that is
// another version than v.Target, is in the middle of inFlight.
func (r Reason) Text(v *status.Status, inFlight string) string {
	switch r {
	case ReasonFetching:
		return "the image is being fetched"
	case ReasonVersionTooLong:
		return fmt.Sprintf("version %q has %d bytes, more than update.max_version: "+
			"publish it under a shorter version", v.Target, len(v.Target))
	case ReasonSwapTooLong:
		return fmt.Sprintf("the final Swap to %q does not fit the device's link: "+
			"publish it under a shorter version or raise the data rate", v.Target)
	case ReasonChunkTooSmall:
		return "not one flash word fits the device's mtu or link: check chunks.*.align and the mtu"
	case ReasonBeyondEnd:
		return fmt.Sprintf("the device reports an offset beyond the %d bytes of %q: reboot it", v.Size, v.Target)
	case ReasonUnaligned:
		return "the device reports an offset inside a flash word: reboot it, check chunks.*.align"
	case ReasonBudget:
		return "the airtime budget of its network is used up; it starts when others are done"
	case ReasonUnknownInFlight:
		return fmt.Sprintf("the device is in the middle of version %q, which no source has: "+
			"reboot it, or set update.unknown_in_flight: restart", inFlight)
	case ReasonRolledBack:
		return fmt.Sprintf("after the swap to %q the device came back with %q: "+
			"it rolled back; fix the image or run: gateway retry %s", v.Target, v.Current, v.Device)
	case ReasonOtherVersion:
		return fmt.Sprintf("after the swap to %q the device came back with %q, another firmware; run: gateway retry %s",
			v.Target, v.Current, v.Device)
	case ReasonNone, reasons:
	}
	return ""
}
