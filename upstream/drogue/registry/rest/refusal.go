package rest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"havn/firmware"
	"havn/link"
	"havn/upstream"
	"havn/upstream/drogue"
)

// ErrConflict: somebody else wrote the resource since it was read.
var ErrConflict = errors.New("changed by somebody else meanwhile")

// refusal classifies an answer of the registry that is no success. A device
// that does not exist has an empty body, an application a JSON error: what is
// neither was not said by a registry, and must not be taken for "none".
func (c *Client) refusal(status *link.StatusError, path string) error {
	e, what := drogue.Said(status)
	noDevice := len(status.Body) == 0 && strings.Contains(path, "/devices/")
	return fmt.Errorf("device registry: %w: %w", what, c.class(status.Code, e, noDevice))
}

// class returns the reaction to an answer, and what to do about it.
func (c *Client) class(status int, e drogue.APIError, noDevice bool) error {
	switch {
	case status == http.StatusNotFound && (e.Code != "" || noDevice):
		return firmware.ErrNotFound
	case status == http.StatusConflict:
		return ErrConflict
	case status == http.StatusForbidden && e.Code == "AuthenticationError":
		return fmt.Errorf("%w: user %q may not do this: make it a member of the application, "+
			"as manager or admin if status is to be written", drogue.ErrDenied, c.cfg.User)
	case status == http.StatusForbidden && e.Code != "":
		return fmt.Errorf("%w: our account is not accepted: "+
			"check upstream.drogue.registry.user and token_file", drogue.ErrAway)
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge:
		return upstream.ErrRejected
	case status == http.StatusTooManyRequests, status >= 500:
		return drogue.ErrAway
	}
	return fmt.Errorf("%w: %w", drogue.ErrAway, drogue.ErrOdd)
}
