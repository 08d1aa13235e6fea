// Package desired says which firmware each device should run: the rules of the
// configuration, what operators assigned, and the registry of the cloud.
//
// The engine asks the [Directory] at a device's first contact and in each sweep.
//
// Invariants:
//   - The directory answers from memory: no network, no disk, no waiting.
//   - An assignment is on disk before it counts.
//   - A local rule or assignment for the very device goes before the registry, the
//     registry before all that is for more than one device.
package desired
