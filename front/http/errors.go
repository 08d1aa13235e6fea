package http

import (
	"encoding/json"
	"errors"
	"net/http"

	"havn/dfu"
	"havn/front"
	"havn/identity"
	"havn/telemetry"
)

// What is wrong with a request. The texts travel to the device, for the person
// who reads its log.
var (
	errPath     = errors.New("no such path: POST to /v1/dfu")
	errChannel  = errors.New("no upstream takes telemetry: only /v1/dfu is served")
	errMethod   = errors.New("method not allowed here: POST to /v1/{channel}")
	errQuery    = errors.New("want ?application=&device=&as=&ct=SECONDS, each at most once")
	errNoBasic  = errors.New("want Authorization: Basic base64(DEVICE@APPLICATION:PASSWORD)")
	errTooLarge = errors.New("body larger than 65536 bytes")
	errBody     = errors.New("the body does not arrive as the head says")
	errNotTaken = errors.New("telemetry not taken")
)

// What is wrong with a connection. These are only logged.
var (
	errHandshake = errors.New("TLS handshake failed")
	errNotHTTP   = errors.New("no HTTP request, or none that ends: " +
		"is one side set up for TLS and the other not?")
)

// reactions is how errors are answered. An answer without a name has no body.
var reactions = [...]struct {
	err    error
	code   int
	name   string // as Drogue Cloud says it
	reason front.Reason
}{
	{errPath, http.StatusNotFound, "NotFound", front.None},
	{errChannel, http.StatusNotFound, "NotFound", front.None},
	{errMethod, http.StatusMethodNotAllowed, "MethodNotAllowed", front.None},
	{errQuery, http.StatusBadRequest, "InvalidRequest", BadQuery},
	{errNoBasic, http.StatusForbidden, "AuthenticationError", front.BadIdentity},
	{identity.ErrNoDevice, http.StatusForbidden, "AuthenticationError", front.BadIdentity},
	{identity.ErrNoApplication, http.StatusForbidden, "AuthenticationError", front.BadIdentity},
	{identity.ErrName, http.StatusForbidden, "AuthenticationError", front.BadIdentity},
	{errTooLarge, http.StatusRequestEntityTooLarge, "InvalidRequest", front.Oversized},
	{errBody, http.StatusBadRequest, "InvalidRequest", front.Malformed},
	{telemetry.ErrNotJSON, http.StatusNotAcceptable, "", front.BadPayload},
	{dfu.ErrMalformed, http.StatusBadRequest, "InvalidFormat", front.BadStatus},
	{errNotTaken, http.StatusServiceUnavailable, "", front.None},
}

// problem is the body of an error, as Drogue Cloud writes it.
type problem struct {
	Code    int    `json:"code"`
	Error   string `json:"error"`
	Message string `json:"message"`
}

// refuse answers with an error.
func (x *exchange) refuse(err error) {
	for _, re := range reactions {
		if !errors.Is(err, re.err) {
			continue
		}
		x.h.reject(re.reason, x.r.RemoteAddr, err)
		var body []byte
		if re.name != "" {
			text := err.Error()
			if re.code == http.StatusForbidden {
				text = "authentication failed: " + text
			}
			body, _ = json.Marshal(problem{re.code, re.name, text}) // has no failing types
			x.w.Header().Set("Content-Type", "application/json")
		}
		if re.code == http.StatusMethodNotAllowed {
			x.w.Header().Set("Allow", http.MethodPost)
		}
		x.answer(re.code, body)
		return
	}
}
