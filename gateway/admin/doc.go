// Package admin is the HTTP server for operators: health, metrics, and the API.
//
// It stands beside the data path. It reads what the parts of the gateway count
// and know, and changes nothing itself: operations go through [api.Engine].
//
//	operators ──► Server ─┬─► /healthz, /readyz        open to everybody
//	                      └─► token ─┬─► /metrics      metric.Meter, front.Counts
//	                                 └─► /api/v1       package api
//
// Invariants:
//   - Readiness does not depend on upstream systems: a site box without a
//     network is ready.
//   - Where a token is configured, everything but health needs it. A token file
//     that is empty or cannot be read lets nobody in.
//   - A page of another site cannot operate the gateway: writes with a foreign
//     Origin are refused.
//
// Specifications: RFC 6750 section 2.1 (bearer tokens), RFC 9110, the Prometheus
// text format 0.0.4.
package admin
