// Package gateway is the roof: it makes the parts from the configuration and runs
// them. It owns no policy.
//
// It is the only package that knows all others. Device fronts, firmware sources
// and upstreams never import each other; they meet here:
//
//	[]front.Front ──► update.Engine ◄── firmware.Sources
//	                       │
//	                       └──► upstream.Forwarder ──► []upstream.Publisher
//
// A new front is an entry in fronts.go, a new source one in sources.go, a new
// upstream one in upstreams.go. imports_test.go holds the table of who may import
// whom.
//
// Invariants:
//   - New opens files and binds sockets, and starts nothing. Run owns all
//     goroutines, and returns when they have ended and the state is stored.
//   - What New opened is closed in the reverse order, also when New fails half way.
//   - No part that counts is left out of the metrics; a test walks them.
package gateway
