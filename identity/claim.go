package identity

import (
	"bytes"
	"encoding/base64"
	"errors"
)

// MaxAuthorization bounds an Authorization header, bytes: two names,
// percent-encoded to three times their length, in base64.
const MaxAuthorization = 2200

// One sentinel per mistake of a sender. The texts travel to it.
var (
	// ErrNoDevice: the claim names no device.
	ErrNoDevice = errors.New("name the device: ?application=A&device=D")
	// ErrNoApplication: the claim names no application, and the front has none.
	ErrNoApplication = errors.New("name the application: DEVICE@APPLICATION, or ?application=")
	// ErrName: a name that cannot be.
	ErrName = errors.New("want names of 1 to 255 bytes, UTF-8, without /")
	// ErrCredentials: an Authorization that is not of the scheme Basic.
	ErrCredentials = errors.New("want Basic base64(user:password)")
)

// Claim is what a message says of its sender. The zero value says nothing. What
// the query says must be given before the user.
type Claim struct{ application, device, as name }

// Device is who a message is from. Its names alias the Claim.
type Device struct{ Application, Name []byte }

// Device returns who the sender is. The application stands for one that is not
// named; nil if there is none.
func (c *Claim) Device(application []byte) (Device, error) {
	device := &c.device
	if c.as.set {
		device = &c.as
	}
	if c.application.set {
		application = c.application.bytes()
	}
	switch {
	case !device.set:
		return Device{}, ErrNoDevice
	case application == nil:
		return Device{}, ErrNoApplication
	case !ValidName(device.bytes()) || !ValidName(application):
		return Device{}, ErrName
	}
	return Device{application, device.bytes()}, nil
}

// Set takes one argument of a query, decoded. It reports whether the argument
// matters here: others are Drogue Cloud's (ct, data_schema). It fails with ErrName.
func (c *Claim) Set(key, value []byte) (matters bool, err error) {
	n := c.named(key)
	if n != nil && !n.copy(value) {
		return true, ErrName
	}
	return n != nil, nil
}

// Query takes a query as CoAP has it: one argument per option, as it is, or
// several joined by "&" in one option. Those are a form, as Drogue Cloud reads it:
// %XX and "+" are decoded. It fails with ErrName.
func (c *Claim) Query(option []byte) error {
	form := bytes.IndexByte(option, '&') >= 0
	for rest, more := option, true; more; {
		var argument []byte
		argument, rest, more = bytes.Cut(rest, ampersand)
		key, value, _ := bytes.Cut(argument, equals)
		n := c.named(key)
		switch {
		case n == nil:
		case form && !n.decode(value, true), !form && !n.copy(value):
			return ErrName
		}
	}
	return nil
}

func (c *Claim) named(key []byte) *name {
	switch string(key) {
	case "application":
		return &c.application
	case "device":
		return &c.device
	case "as":
		return &c.as
	}
	return nil
}

// Authorization takes what the query leaves open from the user of an Authorization
// header. The scheme is spelled as Drogue Cloud wants it. It fails with
// ErrCredentials or ErrName.
func (c *Claim) Authorization(header []byte) error {
	encoded, isBasic := bytes.CutPrefix(header, basic)
	if !isBasic || len(header) > MaxAuthorization {
		return ErrCredentials
	}
	var buf [MaxAuthorization]byte
	n, err := base64.StdEncoding.Decode(buf[:], encoded)
	user, _, ok := bytes.Cut(buf[:n], colon)
	if err != nil || !ok {
		return ErrCredentials
	}
	return c.User(user)
}

// User takes what the query leaves open from the name of a user:
// device@application, or the device alone. It fails with ErrName.
func (c *Claim) User(user []byte) error {
	if !c.user(user) {
		return ErrName
	}
	return nil
}

func (c *Claim) user(user []byte) bool {
	device, application, scoped := bytes.Cut(user, at)
	switch {
	case c.application.set:
		return c.device.set || c.device.copy(user)
	case scoped && !c.application.copy(application):
		return false
	case c.device.set:
		return true
	case scoped:
		return c.device.decode(device, false)
	}
	return c.device.copy(user)
}

// Separators, and the scheme that an Authorization begins with.
var (
	ampersand, equals = []byte("&"), []byte("=")
	at, colon         = []byte("@"), []byte(":")
	basic             = []byte("Basic ")
)
