// Package mqtt keeps one session with the MQTT broker of a network server.
//
// It is the outer end of the LoRaWAN front: messages of the broker in, messages
// to the broker out, and neither is looked into.
//
//	broker ──► subscriptions ──► receive(topic, payload)
//	       ◄── Publish(topic, payload)
//
// [Client.Run] connects, subscribes and connects again, waiting longer after
// each failure. It begins with MQTT 5; a broker that refuses the CONNECT is
// tried with MQTT 3.1.1 next, and so on in turns, so that neither an old broker
// nor one that is updated needs a setting.
//
// Invariants:
//   - Sessions are clean and messages have QoS 0: an event that was missed is
//     history, and its answer would be wrong.
//   - Retained messages are never handed on, for the same reason.
//   - Each connection is subscribed anew.
//   - Secrets and certificates are read at each connection, so they can be
//     replaced without a restart.
//
// Specifications: MQTT 5.0, MQTT 3.1.1.
package mqtt
