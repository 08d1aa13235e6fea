// Package topic reads and writes the MQTT topics of LoRaWAN network servers.
//
// The codecs of the network servers use it: [Template.Filters] makes the subscriptions,
// [Template.Match] reads the topic of an event, and [Template.Build] writes the topic of a
// command.
//
// A template is written as in the configuration of the server itself, so that
// an operator can copy it: "application/{{ .ApplicationID }}/device/{{ .DevEUI
// }}/event/{{ .EventType }}" (ChirpStack v3) and "application/{{application_id}}
// /device/{{dev_eui}}/event/{{event}}" (v4) are the same template.
//
// Invariants:
//   - A placeholder fills a whole level; an event at the end may fill several.
//   - A topic of Build has no wildcard, and Match reads the same values from it.
//
// Topics are UTF-8 of at most 65535 bytes.
//
// Specifications: MQTT 5.0 section 4.7 (topic names and filters).
package topic
