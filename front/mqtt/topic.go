package mqtt

import (
	"errors"
	"strings"

	"havn/identity"
	"havn/telemetry"
)

// channelDFU is the channel of the update protocol, and the name of its command.
const channelDFU = "dfu"

// inbox is the beginning of the topics of commands.
const inbox = "command/inbox/"

// The faults of topics and filters.
var (
	errTopic  = errors.New("topic is not CHANNEL or CHANNEL/DEVICE")
	errFilter = errors.New("filter is not one of command/inbox/#, command/inbox/+/#, " +
		"command/inbox//# and command/inbox/DEVICE/#")
	errFilters = errors.New("too many filters, or subscription identifiers, which are not available")
)

// parseTopic reads the topic of a PUBLISH: CHANNEL or CHANNEL/DEVICE. An empty device
// stands for the device of the connection.
func parseTopic(topic string) (channel, device string, err error) {
	channel, device, named := strings.Cut(topic, "/")
	if !telemetry.ValidChannel(channel) || named && !validLevel(device) {
		return "", "", errTopic
	}
	return channel, device, nil
}

// validLevel reports whether a device can be named in a topic.
func validLevel(device string) bool {
	return identity.ValidName([]byte(device)) && !strings.ContainsAny(device, "+#")
}

// parseFilter reads the filter of a SUBSCRIBE. An empty device stands for the device of
// the connection and all devices that it speaks for.
func parseFilter(filter string) (device string, err error) {
	rest, ok := strings.CutPrefix(filter, inbox)
	if !ok {
		return "", errFilter
	}
	switch rest {
	case "#", "+/#", "/#":
		return "", nil
	}
	device, ok = strings.CutSuffix(rest, "/#")
	if !ok || !validLevel(device) {
		return "", errFilter
	}
	return device, nil
}

// commandTopic returns the topic of a command. An empty device stands for the device of
// the connection.
func commandTopic(device, command string) string { return inbox + device + "/" + command }
