// Package intern keeps strings once that very many rows have: versions, names of
// applications and protocols, explanations. It is what makes a row small.
//
// On the device path, reading a string costs nothing, and a string that is known
// already is found without an allocation.
package intern
