// Package apps is what a stand-in for Drogue Cloud knows: applications with their
// devices, accounts, and event streams. [Apps.Handler] is the device registry.
//
// Limits: 64 KiB per body, the last 65536 events of each application.
//
// Specifications: Drogue Cloud 0.11, device registry v1alpha1; CloudEvents 1.0,
// structured JSON.
package apps
