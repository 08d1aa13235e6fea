package http

import (
	"errors"
	"net/url"
	"strconv"

	"havn/dfu"
	"havn/identity"
)

// parseQuery gives the claim what the query of a URL, without its "?", says of the
// sender. It reports whether the device reads a command in the answer: ct is above
// 0. Other arguments are Drogue Cloud's (data_schema) and change nothing.
func parseQuery(raw string, claim *identity.Claim) (awaits bool, err error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return false, errQuery
	}
	for key, all := range values {
		matters, err := claim.Set([]byte(key), []byte(all[0]))
		switch {
		case err != nil:
			return false, err
		case matters && len(all) > 1:
			return false, errQuery
		}
	}
	return parseTimeout(append(values["ct"], values["commandTimeout"]...))
}

// parseTimeout reads the argument ct, which may be there once.
func parseTimeout(ct []string) (awaits bool, err error) {
	if len(ct) == 0 {
		return false, nil
	}
	seconds, err := strconv.ParseUint(ct[0], 10, 64)
	if err != nil || len(ct) > 1 {
		return false, errQuery
	}
	return seconds > 0, nil
}

// identify returns the device that a request is from, and whether it reads a
// command in the answer. A request must have credentials.
func (x *exchange) identify() (dev dfu.Device, awaits bool, err error) {
	var claim identity.Claim
	awaits, err = parseQuery(x.r.URL.RawQuery, &claim)
	if err == nil {
		err = claim.Authorization([]byte(x.r.Header.Get("Authorization")))
	}
	if errors.Is(err, identity.ErrCredentials) {
		err = errNoBasic
	}
	var id identity.Device
	if err == nil {
		id, err = claim.Device(nil)
	}
	return dfu.Device{Application: string(id.Application), Name: string(id.Name)}, awaits, err
}
