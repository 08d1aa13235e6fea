// Package desired says which firmware each device should run: the rules of the
// configuration, what operators assigned, and the registry of the cloud.
//
// The engine asks its [Directory] at a device's first contact and in each sweep.
// The directory answers from memory. An assignment is on disk before it counts.
package desired
