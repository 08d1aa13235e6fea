// Package topic turns the MQTT topics of LoRaWAN network servers into what
// they name, and back.
//
// The codecs of the network servers stand on it: a subscription comes from
// [Template.Filters], an event's topic is read by [Template.Match], a command's
// topic is written by [Template.Build].
//
// A template is written as in the configuration of the server itself, so that
// an operator can copy it: "application/{{ .ApplicationID }}/device/{{ .DevEUI
// }}/event/{{ .EventType }}" (ChirpStack v3) and "application/{{application_id}}
// /device/{{dev_eui}}/event/{{event}}" (v4) are the same template.
//
// Invariants:
//   - A placeholder fills a whole level; an event at the end may fill several.
//   - What Build returns has no wildcard and is matched to the same values.
//
// Topics are UTF-8 of at most 65535 bytes.
//
// Specifications: MQTT 5.0 section 4.7 (topic names and filters).
package topic
