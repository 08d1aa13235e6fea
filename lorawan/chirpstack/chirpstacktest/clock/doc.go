// Package clock is the time of a simulated ChirpStack: how long its steps take,
// as measured on real servers, and a timeline that lets each happen when it is
// due.
//
// The server of chirpstacktest adds moments to the timeline; one goroutine, that
// of its Run, lets them happen in their order.
//
// Times are real time; [Timing.Scaled] shortens all of them alike.
package clock
