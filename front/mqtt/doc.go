// Package mqtt is the MQTT front. Devices keep a connection to the front, publish the
// Status of package dfu and their telemetry, and are sent Commands, as at the MQTT
// endpoint of Drogue Cloud.
//
// The path of a message:
//
//	connection ─► Server ─► mochi-mqtt ─► hooks ─┬─ CHANNEL dfu ─► update.Engine: from memory, at once
//	 (bounded)              packets              └─ others ──────► telemetry.Upstream
//	           ◄──────────── command/inbox/… ◄─────── Command, or a command of the upstream
//
// The CONNECT names the device. Either the user name is DEVICE@APPLICATION, or the client
// identifier is DEVICE@APPLICATION and the user name is any name. The password is not
// looked at. A device may speak for other devices of its application.
//
//	PUBLISH   CHANNEL, CHANNEL/DEVICE          a message of the device, or of another device
//	SUBSCRIBE command/inbox/#                  commands for the device and all devices it speaks for
//	          command/inbox/+/#                the same
//	          command/inbox//#                 the same
//	          command/inbox/DEVICE/#           commands for one device
//	sent to   command/inbox//COMMAND           a command for the device itself
//	          command/inbox/DEVICE/COMMAND     a command for another device, or for a device that a filter names
//
// The answer to a Status is the command dfu. It follows the PUBACK if the Status was
// published with QoS 1. Commands are sent with QoS 0, whatever QoS was subscribed.
//
// A message that cannot be taken is refused as at Drogue Cloud: in MQTT 5 by the reason
// code of the PUBACK; in MQTT 3.1.1, which has no such code, by the end of the connection.
// There is one exception: in MQTT 3.1.1, telemetry that no upstream takes is acknowledged,
// counted and dropped, so that the updates of the device go on.
//
// Invariants:
//   - A device is sent commands for itself and for the devices it speaks for or
//     subscribes for, and nothing else. A message of a device reaches no other device,
//     and no message is retained.
//   - A device has one connection: a newer connection ends the older one.
//   - Sessions are clean. A command stays in the inbox of package telemetry until its
//     device is connected and subscribed.
//   - A device that takes its commands itself gets them, whoever else speaks for it.
//   - No message waits for anything but the connection of its device. A device that
//     does not read loses its connection.
//
// Limits: 4096 connected devices, 4096 sockets on each port, packets of 16 KiB, 15 s from
// the first byte to the CONNECT, 10 s for a write, 128 devices that one connection speaks
// for. Sizes are bytes.
//
// Specifications: MQTT 3.1.1, MQTT 5.0, and Drogue Cloud's MQTT endpoint.
package mqtt
