// Package queue is the account that the gateway keeps of the downlink queue of one
// device in its network server: what may still be in that queue, and so whether
// another downlink may be sent.
//
// The LoRaWAN front keeps one account per device. It notes each uplink, downlink and
// event in the account, and asks the account before it sends:
//
//	Uplink ─► Passed, See ─► Free? Overdue? ─► Put, PutProbe ─► Downlink
//	TxAck, Error, Joined ──► Sent, Left, Kept, Flushed
//
// A second Write in the server's queue corrupts real devices, and a server that does
// not name downlinks (ChirpStack v3) cannot tell which one has left. So nothing is sent
// until it is known what became of the last downlink:
//
//	         answer or command            txack, error, join, or a
//	empty ───────────► queued ──────────► Status that shows its effect
//	  ▲                  │  ▲                    │
//	  │     maxHeld + 1  │  │ no sign            │
//	  │     uplinks,     ▼  │ again              ▼
//	  │     no sign    probed                  empty
//	  │                  │ a sign
//	  └─────────────── drained: an uplink per probe
//
// A downlink that is queued rides the next window by itself, so to hold an answer back
// costs only that window. A downlink without any sign was lost on its way to the
// queue, or MAC commands starve it in the queue. A probe tells which: it is a Wait,
// which does no harm in whatever number, and it leaves the queue behind everything that
// came before it. A command of the upstream is a probe too where no Status asks for an
// answer. Where a downlink can replace the queue (The Things Stack), the answer itself
// takes the place of the probe.
//
// Invariants:
//   - At most one downlink with firmware or a command is counted as queued, besides
//     probes.
//   - A downlink that the server may still have is counted as queued until there is a
//     sign that it has left.
//   - The account is right if nobody else queues downlinks for the device, and if the
//     server reports a downlink before the next uplink but one.
//
// An account has a constant size, but for the version of the last downlink. Sizes are
// bytes.
//
// Specifications: LoRaWAN 1.0.x section 3.3 (receive windows), the downlink queues of
// ChirpStack v3, ChirpStack v4 and The Things Stack v3.
package queue
