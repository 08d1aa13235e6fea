// Package mqtt keeps one session with an MQTT broker: that of a LoRaWAN network
// server, or of a cloud.
//
// It is the outer end of a front or of an upstream: messages of the broker in,
// messages to the broker out, and neither is looked into.
//
//	broker ──► subscriptions ──► Receive(topic, payload)
//	       ◄── Publish  QoS 0, gone once it is written
//	       ◄── Deliver  QoS 1, returns with the broker's word
//
// [Client.Run] connects, subscribes and connects again, waiting longer after
// each failure, and longest where another client took the session over. Each
// connection begins with MQTT 5. MQTT 3.1.1 is tried right after a broker that
// refuses the version or hangs up without a word, and after no other refusal,
// so that neither an old broker nor one that is updated needs a setting, and a
// wrong password is tried once.
//
// Invariants:
//   - Sessions are clean: what was missed while away is not sent later.
//   - Retained messages are never handed on: they are history, and an answer to
//     them would be wrong.
//   - Each connection is subscribed anew. A filter that is refused keeps the
//     others and what is published from nothing; it is tried again.
//   - Secrets and certificates are read at each connection, so they can be
//     replaced without a restart.
//   - One packet is one write, and after an error of Publish the message does
//     not reach the broker.
//   - An answer that does not come ends the connection.
//   - In MQTT 3.1.1, where a broker refuses a message by hanging up, one message
//     of Deliver is on its way at a time, so that it is known which one it was.
//
// Limits: 256 messages received and not handled, 256 KiB per received packet
// (MQTT 5), one of [Pace] for each wait.
//
// Specifications: MQTT 5.0, MQTT 3.1.1.
package mqtt
