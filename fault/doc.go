// Package fault is what is wrong with a configuration, as values.
//
// The package that defines a section of the configuration also checks it:
// its Config has a method Validate that returns a [List]. The keys in it are
// relative to the section, so the section does not know where in the file it
// stands. gateway/config puts each fault at its key, with file, line and column.
//
// Invariants:
//   - A List holds all faults of a section, not only the first.
//   - A message does not repeat the key. It says what was found and what is
//     wanted, and holds no secret.
//   - A bound is stated once, by the package that needs it.
package fault
