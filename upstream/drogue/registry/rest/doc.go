// Package rest speaks to Drogue Cloud's device registry: one request for each
// call, tried once.
//
// It is below package registry, which decides what is asked and when.
//
// Invariants:
//   - A [Resource] is written back as it was read: nothing is lost that this
//     package does not know.
//   - What no registry said is drogue.ErrAway, never "there is none".
//
// Limits: 64 KiB per resource, 100 resources per page, 30 s per request.
//
// Specifications: Drogue Cloud 0.11, device registry v1alpha1.
package rest
