package http

import (
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxName bounds the names of applications and devices, bytes.
const maxName = 255

// validName reports whether s can name an application or a device. A "/" could
// not be told from the separator in paths, topics and logs.
func validName(s string) bool {
	return s != "" && len(s) <= maxName && utf8.ValidString(s) && !strings.Contains(s, "/")
}

// query is what the arguments of a request say. Other keys are Drogue Cloud's
// (data_schema) and change nothing.
type query struct {
	application, device, as argument
	awaits                  bool // ct is above 0: the device reads a command in the answer
}

// argument is the value of a key, which may be there and empty.
type argument struct {
	value string
	set   bool
}

// parseQuery reads the query of a URL, without its "?".
func parseQuery(raw string) (q query, err error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return query{}, errQuery
	}
	var ct argument
	for key, all := range values {
		a := q.argument(key, &ct)
		if a == nil {
			continue
		}
		if len(all) > 1 || a.set {
			return query{}, errQuery
		}
		*a = argument{all[0], true}
	}
	if ct.set {
		seconds, err := strconv.ParseUint(ct.value, 10, 64)
		if err != nil {
			return query{}, errQuery
		}
		q.awaits = seconds > 0
	}
	return q, nil
}

// argument returns where the value of key belongs, nil if nowhere.
func (q *query) argument(key string, ct *argument) *argument {
	switch key {
	case "application":
		return &q.application
	case "device":
		return &q.device
	case "as":
		return &q.as
	case "ct", "commandTimeout":
		return ct
	}
	return nil
}

// identity is whose message a request carries.
type identity struct{ application, device string }

// identify finds the identity in one of the shapes of Drogue Cloud:
//
//	application  device  Authorization
//	-            -       Basic base64(D@A:...)  D percent-decoded @ A
//	A            -       Basic base64(D:...)    D @ A, even with an "@" in D
//	A            D       Basic base64(U:...)    D @ A
//	-            D       Basic base64(U@A:...)  D @ A
//
// U@A is split at the first "@". Whatever the shape, as=D in the query names
// the device that the sender speaks for. The password is not looked at.
func identify(q query, authorization string) (id identity, err error) {
	user, ok := basicUser(authorization)
	if !ok {
		return identity{}, errCredentials
	}
	name, scope, scoped := strings.Cut(user, "@")
	switch {
	case q.application.set && q.device.set:
		id = identity{q.application.value, q.device.value}
	case q.application.set:
		id = identity{q.application.value, user}
	case !scoped:
		return identity{}, errNobody
	case q.device.set:
		id = identity{scope, q.device.value}
	default:
		name, err = url.PathUnescape(name)
		id = identity{scope, name}
	}
	if q.as.set {
		id.device = q.as.value
	}
	if err != nil || !validName(id.application) || !validName(id.device) {
		return identity{}, errName
	}
	return id, nil
}

// basicUser returns the user of an Authorization header. The scheme is spelled
// as Drogue Cloud wants it.
func basicUser(header string) (user string, ok bool) {
	encoded, ok := strings.CutPrefix(header, "Basic ")
	if !ok {
		return "", false
	}
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !utf8.Valid(text) {
		return "", false
	}
	user, _, ok = strings.Cut(string(text), ":")
	return user, ok
}
