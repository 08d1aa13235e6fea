package drogue

import "encoding/binary"

// split takes a packet apart: its first byte and what follows its length.
func split(packet []byte) (head byte, body []byte, err error) {
	if len(packet) < 2 {
		return 0, nil, errPacket
	}
	length, n := binary.Uvarint(packet[1:])
	if n <= 0 || uint64(len(packet)-1-n) != length {
		return 0, nil, errPacket
	}
	return packet[0], packet[1+n:], nil
}

func join(head byte, parts ...[]byte) []byte {
	length := 0
	for _, p := range parts {
		length += len(p)
	}
	packet := binary.AppendUvarint([]byte{head}, uint64(length))
	for _, p := range parts {
		packet = append(packet, p...)
	}
	return packet
}

// toV3 makes an MQTT 5 packet of a client one of MQTT 3.1.1.
func toV3(packet []byte) ([]byte, error) {
	head, body, err := split(packet)
	if err != nil {
		return nil, err
	}
	switch head >> 4 {
	case mqttConnect:
		const level, properties = 6, 10 // behind the name; behind flags and keep-alive
		if len(body) < properties {
			return nil, errPacket
		}
		body[level] = 4
		return cut(head, body, properties)
	case mqttPublish:
		at, err := publishProperties(head, body)
		if err != nil {
			return nil, err
		}
		return cut(head, body, at)
	case mqttSubscribe:
		return cut(head, body, 2)
	case mqttPuback:
		return join(head, body[:min(2, len(body))]), nil
	case mqttDisconnect:
		return join(head), nil
	}
	return packet, nil
}

// fromV3 makes an MQTT 3.1.1 packet of a server one of MQTT 5.
func fromV3(packet []byte) ([]byte, error) {
	head, body, err := split(packet)
	if err != nil {
		return nil, err
	}
	at := len(body)
	switch head >> 4 {
	case mqttConnack:
		if len(body) != 2 {
			return nil, errPacket
		}
		body[1] = connackV5(body[1])
	case mqttPublish:
		if at, err = publishProperties(head, body); err != nil {
			return nil, err
		}
	case mqttSuback:
		at = 2
	default:
		return packet, nil
	}
	if at > len(body) {
		return nil, errPacket
	}
	return join(head, body[:at], []byte{0}, body[at:]), nil
}

// cut takes out the properties that begin at body[at].
func cut(head byte, body []byte, at int) ([]byte, error) {
	if at > len(body) {
		return nil, errPacket
	}
	length, n := binary.Uvarint(body[at:])
	if n <= 0 || length > uint64(len(body)-at-n) {
		return nil, errPacket
	}
	return join(head, body[:at], body[at+n+int(length):]), nil
}

// publishProperties returns where the properties of a PUBLISH are: behind the
// topic and, with QoS, the packet identifier.
func publishProperties(head byte, body []byte) (int, error) {
	if len(body) < 2 {
		return 0, errPacket
	}
	at := 2 + int(binary.BigEndian.Uint16(body))
	if head>>1&3 > 0 {
		at += 2
	}
	if at > len(body) {
		return 0, errPacket
	}
	return at, nil
}

// connackV5 translates the return codes of MQTT 3.1.1 section 3.2.2.3.
func connackV5(code byte) byte {
	codes := [...]byte{0x00, 0x84, 0x85, 0x88, 0x86, 0x87}
	if int(code) < len(codes) {
		return codes[code]
	}
	return 0x80
}
