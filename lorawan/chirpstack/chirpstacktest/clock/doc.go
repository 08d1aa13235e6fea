// Package clock is the time of a simulated ChirpStack: how long its steps take, as
// measured on real servers, and a timeline that runs each step when it is due.
//
// The server of chirpstacktest adds moments to the timeline. The goroutine of Server.Run
// runs them.
//
// Invariants:
//   - Moments run in the order of their times, and moments of equal times in the order
//     in which they were added.
//   - One moment runs at a time.
//
// Times are real time; [Timing.Scaled] shortens all of them alike. The number of moments
// is bounded by the server that adds them.
//
// Specifications: none; the times are measurements.
package clock
