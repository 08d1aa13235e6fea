package mqtt

import (
	"errors"
	"strings"

	"havn/dfu"
	"havn/identity"
)

// errIdentity: the CONNECT names no device, or not in a valid way.
var errIdentity = errors.New("want the user name DEVICE@APPLICATION, or a user name and that as client identifier")

// identify returns the device that a CONNECT names.
func identify(user, clientID string) (dfu.Device, error) {
	if user != "" && !strings.Contains(user, "@") {
		user = clientID
	}
	var claim identity.Claim
	err := claim.User([]byte(user))
	var id identity.Device
	if err == nil {
		id, err = claim.Device(nil)
	}
	if err != nil {
		return dfu.Device{}, errIdentity
	}
	return dfu.Device{Application: string(id.Application), Name: string(id.Name)}, nil
}
