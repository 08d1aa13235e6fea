package mqtt

import (
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"

	"havn/dfu"
)

// errIdentity: nobody is named, or not in a usable way.
var errIdentity = errors.New("want the user name DEVICE@APPLICATION, or a user name and that as client identifier")

func validName(s string) bool {
	return s != "" && len(s) <= 255 && utf8.ValidString(s) && !strings.Contains(s, "/")
}

func identify(user, clientID string) (dfu.Device, error) {
	name, scope, ok := strings.Cut(user, "@")
	if !ok && user != "" {
		name, scope, _ = strings.Cut(clientID, "@")
	}
	name, err := url.PathUnescape(name)
	if err != nil || !validName(name) || !validName(scope) {
		return dfu.Device{}, errIdentity
	}
	return dfu.Device{Application: scope, Name: name}, nil
}
