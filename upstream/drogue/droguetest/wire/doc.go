// Package wire is the loopback under a stand-in: listeners that can be away or hang,
// that count what goes through, and whose answers can be spoiled.
//
// Bytes are counted as on the wire above TCP, TLS included.
package wire
