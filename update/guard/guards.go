package guard

import "havn/firmware"

// Delivery holds what was delivered before and did not come to run: it is not
// sent again without a new order, or an operator's retry. Reports of the old
// version that were on their way before the swap are no rollback.
func Delivery(f Facts, s Step) Verdict {
	switch {
	case s != Start:
		return Verdict{}
	case f.Says && f.Settling:
		return Verdict{Answer: Settle}
	case !f.Delivered:
		return Verdict{}
	case f.Says:
		return returned(f)
	case f.Noted.Failed():
		return Verdict{Answer: Hold, Reason: f.Noted}
	}
	return Verdict{}
}

// returned tells what it means that a device, to which Target was delivered,
// runs another version.
func returned(f Facts) Verdict {
	switch {
	case f.From == string(f.Runs):
		return Verdict{Answer: Hold, Reason: ReasonRolledBack}
	case f.Booted || f.Known:
		return Verdict{Answer: Hold, Reason: ReasonOtherVersion}
	}
	return Verdict{Answer: Learn, Reason: ReasonFetching}
}

// Fresh holds a start while the target is about to be another one.
func Fresh(f Facts, s Step) Verdict {
	switch {
	case s != Start:
		return Verdict{}
	case f.Moving:
		return Verdict{Answer: Hold, Reason: ReasonFetching}
	case f.Stale:
		return Verdict{Answer: Resolve, Reason: ReasonFetching}
	}
	return Verdict{}
}

// Version holds versions that the device cannot store: real devices crash.
func Version(f Facts, _ Step) Verdict {
	if f.MaxVersion > 0 && len(f.Target.Version) > f.MaxVersion {
		return Verdict{Answer: Hold, Reason: ReasonVersionTooLong}
	}
	return Verdict{}
}

// Airtime holds a start while the network has no airtime for another update.
func Airtime(f Facts, s Step) Verdict {
	if s == Start && f.NoAirtime {
		return Verdict{Answer: Hold, Reason: ReasonBudget}
	}
	return Verdict{}
}

// Frame holds updates whose Swap does not fit the link: before the start, and
// where the link became slower, until it is faster again.
func Frame(f Facts, s Step) Verdict {
	if s != Proceed && f.SwapBytes > f.Payload {
		return Verdict{Answer: Hold, Reason: ReasonSwapTooLong}
	}
	return Verdict{}
}

// Source holds swaps that the source of what is desired does not allow now. It
// is asked last, since it counts a device that may swap as swapped.
func Source(gate firmware.Gate) Guard {
	return func(f Facts, s Step) Verdict {
		if s != Swap || !f.Desired {
			return Verdict{}
		}
		if err := gate.MaySwap(f.Spec, f.Target.Digest); err != nil {
			return Verdict{Answer: Hold, Held: err}
		}
		return Verdict{}
	}
}
