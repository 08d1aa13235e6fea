// Package mqtt is the MQTT front: devices keep a connection to it, publish the
// Status of package dfu and their telemetry, and are sent Commands, as at the
// MQTT endpoint of Drogue Cloud.
//
// The path of a message:
//
//	connection ─► Server ─► mochi-mqtt ─► hooks ─┬─ CHANNEL dfu ─► update.Engine: from memory, at once
//	 (bounded)              packets              └─ others ──────► telemetry.Upstream
//	           ◄──────────── command/inbox/… ◄─────── Command, or a command of the upstream
//
// A device is who its user name says. Either the user is DEVICE@APPLICATION, or the
// client identifier is and the user is any name. The password is not looked at.
//
//	PUBLISH   CHANNEL, CHANNEL/DEVICE          the message of the device, or of one it speaks for
//	SUBSCRIBE command/inbox/#                  commands for the device and all it speaks for
//	          command/inbox/+/#                the same
//	          command/inbox//#                 the same
//	          command/inbox/DEVICE/#           commands for one device it speaks for
//	sent to   command/inbox//COMMAND           a command for the device itself
//	          command/inbox/DEVICE/COMMAND     a command for another one, or where the filter names it
//
// The answer to a Status is the command dfu. It follows the PUBACK of a Status that
// was published with QoS 1. Commands are sent with QoS 0, whatever was subscribed.
//
// What cannot be taken is refused as Drogue Cloud does: in MQTT 5 with the reason
// code of the PUBACK, in MQTT 3.1.1, which has none, by closing the connection. One
// thing is otherwise: telemetry that no upstream takes is acknowledged in MQTT 3.1.1,
// counted and dropped, so that the updates of the device go on.
//
// Invariants:
//   - A device is sent its own commands alone. Messages of devices reach no other
//     device, whatever their topics, and no message is retained.
//   - One connection per device: a newer one takes the place of the older one.
//   - Sessions are clean. What is not delivered while the device is connected stays
//     in the inbox of package telemetry.
//   - No message waits for anything but the connection of its device. A device that
//     does not read loses its connection.
//
// Limits: 4096 connections, packets of 16 KiB, 15 s from the first byte to the
// CONNECT, 10 s for a write, 128 devices that one connection speaks for. Sizes are
// bytes.
//
// Specifications: MQTT 3.1.1, MQTT 5.0, and Drogue Cloud's MQTT endpoint.
package mqtt
