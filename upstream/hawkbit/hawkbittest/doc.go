// Package hawkbittest is a stand-in for the device API (DDI) of Eclipse hawkBit:
// targets, actions, artifacts, feedback and quotas in memory, behind an
// [http.Handler].
//
// It is for tests of upstream/hawkbit and for demonstrations without a server.
// A test plays the operator through methods ([Server.Assign], [Server.Cancel],
// [Server.SetWindow]), the client sees what the real server would answer, and
// [Server.Action] tells what it was told.
//
// Faithful in: status codes and which of them have a body, the links of a poll
// and their order of precedence, the c= of deployment links, ETag and
// If-None-Match on JSON, Range and If-Match on artifacts, access to artifacts
// only through open actions, what each execution of a feedback does to an
// action, the entries that the server makes itself, and all quotas.
//
// Left out: CBOR, the reverse-proxy authentication, the DoS filter (a [Fault]
// stands for it), PUT installedBase, several tenants, time-forced actions.
//
// Nothing is random, and the clock is not read: equal calls give equal answers,
// byte for byte, except for the port in absolute links.
//
// Specification: hawkBit DDI API v1 as of hawkBit 1.1, with switches for 0.2.
package hawkbittest
