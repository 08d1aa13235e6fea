// Package identitytest has the shapes in which senders say who they are, for the
// tests of the fronts: each must understand all of them alike.
package identitytest

import (
	"strings"

	"havn/identity"
)

// Shape is what a message says of its sender, and who that is.
type Shape struct {
	Name  string
	Query string // a form: arguments joined by "&", percent-encoded
	User  string // of the Authorization; empty = there is none

	Application string // empty = the one that the front has, if it has one
	Device      string
	Err         error // instead of the device; nil = there is one
}

var long = strings.Repeat("d", identity.MaxName)

// Shapes are all shapes, and what is wrong in each.
var Shapes = []Shape{
	{Name: "user@application", User: "d@a", Application: "a", Device: "d"},
	{Name: "user@application, encoded", User: "d%40x+y%25@a%40b", Application: "a%40b", Device: "d@x+y%"},
	{Name: "user@application, first @", User: "d@a@b", Application: "a@b", Device: "d"},
	{Name: "user", User: "d", Device: "d"},
	{Name: "application, user", Query: "application=a", User: "d", Application: "a", Device: "d"},
	{Name: "application, user@application", Query: "application=a", User: "d@b", Application: "a", Device: "d@b"},
	{Name: "application, user, not decoded", Query: "application=a", User: "d%40v", Application: "a", Device: "d%40v"},
	{Name: "device, user@application", Query: "device=d", User: "u@b", Application: "b", Device: "d"},
	{Name: "device, user", Query: "device=d", User: "u", Device: "d"},
	{Name: "application, device, user", Query: "application=a&device=d", User: "u", Application: "a", Device: "d"},
	{Name: "application, device, user@application", Query: "application=a&device=d", User: "u@b", Application: "a", Device: "d"},
	{Name: "device", Query: "device=d", Device: "d"},
	{Name: "application, device", Query: "application=a&device=d", Application: "a", Device: "d"},
	{Name: "encoded", Query: "application=a%2Bb&device=my+dev%c3%a9", Application: "a+b", Device: "my devé"},
	{Name: "other arguments", Query: "ct=30&data_schema=x&device=d", User: "u@a", Application: "a", Device: "d"},

	{Name: "as", Query: "as=c", User: "gw@a", Application: "a", Device: "c"},
	{Name: "as, user", Query: "as=c", User: "gw", Device: "c"},
	{Name: "as, application, device", Query: "application=a&device=gw&as=c", User: "u", Application: "a", Device: "c"},
	{Name: "255 bytes", User: long + "@a", Application: "a", Device: long},

	{Name: "256 bytes", User: long + "d@a", Err: identity.ErrName},
	{Name: "application of 256 bytes", User: "d@" + long + "d", Err: identity.ErrName},
	{Name: "argument of 256 bytes", Query: "application=a&device=" + long + "d", User: "u", Err: identity.ErrName},
	{Name: "no device", User: "@a", Err: identity.ErrName},
	{Name: "no application", User: "d@", Err: identity.ErrName},
	{Name: "slash", User: "d/v@a", Err: identity.ErrName},
	{Name: "slash, encoded", User: "d%2fv@a", Err: identity.ErrName},
	{Name: "slash in an argument", Query: "application=a&device=a%2Fb", User: "u", Err: identity.ErrName},
	{Name: "not UTF-8", Query: "application=%ff&device=d", User: "u", Err: identity.ErrName},
	{Name: "not UTF-8, encoded", User: "d%ff@a", Err: identity.ErrName},
	{Name: "broken escape", User: "d%f@a", Err: identity.ErrName},
	{Name: "empty application", Query: "application=&device=d", User: "u", Err: identity.ErrName},
	{Name: "empty device", Query: "application=a&device=", User: "u", Err: identity.ErrName},
	{Name: "empty as", Query: "application=a&device=d&as=", User: "u", Err: identity.ErrName},
}
