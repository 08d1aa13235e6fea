// Package fault describes what is wrong with a configuration.
//
// The package that defines a section of the configuration also checks the section: its
// Config has a method Validate that returns a [List] of faults. The key of a fault is
// relative to the section, as a section does not know its place in the file. Package
// gateway/config adds file, line and column to each fault.
//
// Invariants:
//   - A List holds all faults of a section, not only the first.
//   - A message says what was found and what is wanted. It does not repeat the key, and
//     holds no secret.
//   - A bound is stated once, by the package that needs it.
//
// Durations in messages are written as in the configuration: in Go's notation, with d for
// days. The keys of the configuration are those of configs/gateway.yaml.
package fault
