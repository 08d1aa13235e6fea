// Package gateway is the composition root: it makes the parts from the
// configuration, runs them, and serves the admin HTTP.
//
// It is the only package that knows all others. Device fronts and sources never
// import each other; they meet here. imports_test.go holds the table of who
// may import whom.
//
// Invariants:
//   - New opens files and binds sockets, and starts nothing; Run owns all
//     goroutines and returns when they have ended and the state is stored.
//   - Readiness does not depend on upstream systems: a site box without a
//     network is ready.
//   - Metrics are rendered here from the counters of the packages.
package gateway
