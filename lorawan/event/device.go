package event

import (
	"encoding/hex"
	"fmt"
)

// DevEUI is the globally unique identifier of a device.
type DevEUI [8]byte

// ParseDevEUI reads 16 hex digits of either case.
func ParseDevEUI(s string) (DevEUI, error) {
	var e DevEUI
	if len(s) != 2*len(e) {
		return DevEUI{}, fmt.Errorf("DevEUI %q: want 16 hex digits", s)
	}
	if _, err := hex.Decode(e[:], []byte(s)); err != nil {
		return DevEUI{}, fmt.Errorf("DevEUI %q: want 16 hex digits", s)
	}
	return e, nil
}

// String returns the 16 hex digits in lower case, as ChirpStack writes them.
func (e DevEUI) String() string { return hex.EncodeToString(e[:]) }

// Device is the device that an event is about or a downlink is for. The Device of an
// event is all that a downlink needs to know of the device.
type Device struct {
	EUI DevEUI // zero for a device of The Things Stack that has none

	// Application is the ID of the application in topics: a number (ChirpStack v3), a
	// UUID (v4), or APPLICATION@TENANT (The Things Stack).
	Application     string
	ApplicationName string // as people call it; may be empty
	Name            string // as people call it; the device ID of The Things Stack
}

// From returns the device of an event.
func (d Device) From() Device { return d }
