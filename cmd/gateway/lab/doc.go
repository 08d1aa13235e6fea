// Package lab has the subcommands of the laboratory: demo, bench, device and
// plan. They are of no use to a gateway that runs, and show what it does.
//
// All of them are thin: the benchmarks are the packages below bench, the
// simulated device is bench/device, the estimate lorawan/plan.
package lab
