package coap

import (
	"bytes"
	"encoding/base64"

	"github.com/plgd-dev/go-coap/v3/message"
)

// maxAuthorization bounds option 4209: two names, percent-encoded to three
// times their length, in base64.
const maxAuthorization = 2200

// identity is whose Status a request carries, in the shapes of Drogue Cloud:
//
//	query application, device      option 4209            device @ application
//	A  D                           -, or any              D @ A
//	A  -                           Basic base64(U:...)    U @ A
//	-  D                           -                      D @ the configured one
//	-  D                           Basic base64(U@B:...)  D @ B
//	-  -                           Basic base64(U@B:...)  U percent-decoded @ B
//	-  -                           Basic base64(U:...)    U @ the configured one
//
// U@B is split at the first "@"; beside an A the whole user is the device, even
// with an "@" in it. Whatever the shape, as=D in the query names the device
// that the sender speaks for. The password is not looked at.
type identity struct{ application, device, as name }

// read finds the identity of a request; application is the configured one.
func (id *identity) read(r *request, application []byte) error {
	if err := id.query(r.options); err != nil {
		return err
	}
	if r.auth != nil {
		if err := id.authorization(r.auth); err != nil {
			return err
		}
	}
	if !id.application.set {
		id.application.copy(application)
	}
	if id.as.set {
		id.device = id.as
	}
	switch {
	case !id.device.set:
		return errIdentity
	case !validName(id.device.bytes()) || !validName(id.application.bytes()):
		return errName
	}
	return nil
}

// query takes the names from the Uri-Query options. One option per argument is
// taken as it is, since CoAP does not encode it. Several arguments joined by
// "&" in one option are a form, as Drogue Cloud reads it: %XX and "+" are decoded.
func (id *identity) query(opts []byte) error {
	for o := (options{rest: opts}); o.next(); {
		if o.number != message.URIQuery {
			continue
		}
		form := bytes.IndexByte(o.value, '&') >= 0
		for rest, more := o.value, true; more; {
			var argument []byte
			argument, rest, more = bytes.Cut(rest, ampersand)
			if !id.argument(argument, form) {
				return errName
			}
		}
	}
	return nil
}

// argument takes one KEY=VALUE and reports whether it could. Other keys are
// Drogue Cloud's (ct, data_schema) and change nothing: an answer never waits.
func (id *identity) argument(b []byte, form bool) bool {
	key, value, _ := bytes.Cut(b, equals)
	n := id.named(key)
	switch {
	case n == nil:
		return true
	case form:
		return n.decode(value, true)
	}
	return n.copy(value)
}

func (id *identity) named(key []byte) *name {
	switch string(key) {
	case "application":
		return &id.application
	case "device":
		return &id.device
	case "as":
		return &id.as
	}
	return nil
}

// authorization takes what the query leaves open from the user of option 4209.
func (id *identity) authorization(header []byte) error {
	var buf [maxAuthorization]byte
	encoded, isBasic := bytes.CutPrefix(header, basic)
	n, err := base64.StdEncoding.Decode(buf[:], encoded)
	user, _, ok := bytes.Cut(buf[:n], colon)
	if err != nil || !isBasic || !ok {
		return errCredentials
	}
	if !id.user(user) {
		return errName
	}
	return nil
}

// user splits a user name, as far as it matters.
func (id *identity) user(user []byte) bool {
	device, application, scoped := bytes.Cut(user, at)
	switch {
	case id.application.set:
		return id.device.set || id.device.copy(user)
	case scoped && !id.application.copy(application):
		return false
	case id.device.set:
		return true
	case scoped:
		return id.device.decode(device, false)
	}
	return id.device.copy(user)
}

// Separators, and the scheme that option 4209 begins with.
var (
	ampersand, equals = []byte("&"), []byte("=")
	at, colon         = []byte("@"), []byte(":")
	basic             = []byte("Basic ")
)
