// Package mqtt keeps one session with an MQTT broker: the broker of a LoRaWAN
// network server, or of a cloud.
//
// It is the outer end of a front or of an upstream: messages of the broker in,
// messages to the broker out. Payloads are not looked into.
//
//	broker ──► subscriptions ──► Receive(topic, payload)
//	       ◄── Publish  QoS 0, gone once it is written
//	       ◄── Deliver  QoS 1, returns with the broker's word
//
// [Client.Run] connects, subscribes and connects again. It waits longer after each
// failure, and longest after another client took the session over. Each
// connection begins with MQTT 5. MQTT 3.1.1 is tried right after a broker refused
// the version or hung up without an answer, and after no other refusal: neither an
// old broker nor an updated broker needs a setting, and a wrong password is tried
// once.
//
// Invariants:
//   - Sessions are clean: messages missed while away are not sent later.
//   - Retained messages are never handed on: they are history, and an answer to
//     history would be wrong.
//   - Each connection is subscribed anew. A filter that is refused is tried again,
//     and holds up neither other filters nor published messages.
//   - Secrets and certificates are read at each connection: they can be replaced
//     without a restart.
//   - One packet is one write, and after an error of Publish the message does
//     not reach the broker.
//   - An answer that does not come ends the connection.
//   - In MQTT 3.1.1 a broker refuses a message by hanging up. One message of
//     Deliver is on its way at a time there, so that the refused one is known.
//
// Limits: 256 messages received and not handled, 256 KiB per received packet
// (MQTT 5), and the times of a [Pace].
//
// Specifications: MQTT 5.0, MQTT 3.1.1.
package mqtt
