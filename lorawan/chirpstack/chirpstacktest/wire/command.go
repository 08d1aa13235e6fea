package wire

import (
	"encoding/json"
	"fmt"
	"time"

	"havn/lorawan/event"
)

// The highest FPorts of commands, by version.
const (
	MaxFPortV3 = 224
	MaxFPortV4 = 255
)

// Command is the body of a command. Version 3 does not read all fields.
type Command struct {
	DevEUI    string     `json:"devEui"`
	Confirmed bool       `json:"confirmed"`
	FPort     uint8      `json:"fPort"`
	Data      []byte     `json:"data"`
	ID        string     `json:"id"`
	ExpiresAt *time.Time `json:"expiresAt"`
}

// ParseCommand reads a command for a device. For version 4 it also returns the identifier
// of the item: that of the command, or a new one.
func ParseCommand(
	e Encoding, eui event.DevEUI, payload []byte,
) (c Command, id event.DownlinkID, err error) {
	if err := json.Unmarshal(payload, &c); err != nil {
		return c, id, err
	}
	if e == V4 {
		id, err = c.checkV4(eui)
		return c, id, err
	}
	c.ExpiresAt = nil
	if c.FPort == 0 || c.FPort > MaxFPortV3 {
		return c, id, fmt.Errorf("fPort must be between 1 - %d", MaxFPortV3)
	}
	return c, id, nil
}

// checkV4 reads the fields that only version 4 knows.
func (c Command) checkV4(eui event.DevEUI) (id event.DownlinkID, err error) {
	if c.DevEUI != eui.String() {
		return id, fmt.Errorf("payload dev_eui %s does not match topic dev_eui %s", c.DevEUI, eui)
	}
	if c.FPort == 0 {
		return id, fmt.Errorf("fPort must be between 1 - %d", MaxFPortV4)
	}
	if c.ID == "" {
		return event.NewDownlinkID(), nil
	}
	id, ok := event.ParseDownlinkID(c.ID)
	if !ok {
		return id, fmt.Errorf("id %q is no UUID", c.ID)
	}
	return id, nil
}
