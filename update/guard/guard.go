package guard

import "havn/firmware"

// Step is what a device wants to do next.
type Step uint8

// The steps of an update. A device that fetches blocks asks for Start and Swap
// at once: it swaps by itself as soon as it has the last block.
const (
	Start   Step = iota // begin the transfer
	Proceed             // go on with it
	Swap                // boot what it was sent
)

// Answer is what the engine is to do about a Step.
type Answer uint8

// The answers. All but Go make the device wait.
const (
	Go      Answer = iota // take the step
	Hold                  // the Reason, or the source's word, says why not
	Settle                // what the device says was on its way before the swap; nothing follows from it
	Learn                 // its version is unheard of: enter it as a name of the target
	Resolve               // look up again what is desired, before the step is taken
)

// Verdict is the answer of a guard, and why. Its zero value is Go.
type Verdict struct {
	Answer Answer
	Reason Reason // for the row; ReasonNone with Go, Settle and Held
	Held   error  // why the source of the image does not let the device swap, for people
}

// Facts are what guards decide from. They say nothing of the protocol: the same
// facts have the same verdict, whichever front they came from.
type Facts struct {
	Target *firmware.Target // what the device is to be sent, or was sent

	// What the device says, and what it was sent before.
	Says      bool   // this very request says that the device runs Runs, and is in the middle of nothing
	Runs      []byte // the version
	Noted     Reason // what the device said last, where this request says nothing
	Delivered bool   // Target was delivered before, under the same order
	Settling  bool   // the result of Target was delivered a moment ago
	From      string // what the device ran before the delivery
	Booted    bool   // it was seen running what was delivered
	Known     bool   // Runs is, by the ledger, other firmware than Target

	// What is desired.
	Desired bool          // something is; else the device finishes what it is in the middle of
	Spec    firmware.Spec // what
	Stale   bool          // Spec must be resolved again before an update starts
	// Moving says that the target is about to move, and that the requests of the
	// transfer do not say which image they are of.
	Moving bool

	// The link and the device's class.
	MaxVersion int  // longest version that the device stores, bytes; 0: any
	Payload    int  // bytes of CBOR that one answer may carry
	SwapBytes  int  // bytes of CBOR of the final Swap; 0: there is none
	NoAirtime  bool // the network has no airtime for another update
}

// Guard has a say in one matter. Guards are on the device path: memory only, no
// waiting, no allocation.
type Guard func(f Facts, s Step) Verdict

// Guards are asked in order. The first one that does not say Go decides.
type Guards []Guard

// New returns the guards of a gateway. A nil gate lets every device swap.
func New(gate firmware.Gate) Guards {
	guards := Guards{Delivery, Fresh, Version, Airtime, Frame}
	if gate != nil {
		guards = append(guards, Source(gate))
	}
	return guards
}

// May says whether a device may take the step.
func (g Guards) May(f Facts, s Step) Verdict {
	for _, guard := range g {
		if v := guard(f, s); v.Answer != Go {
			return v
		}
	}
	return Verdict{}
}
