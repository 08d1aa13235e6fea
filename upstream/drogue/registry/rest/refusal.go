package rest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"havn/firmware"
	"havn/upstream"
	"havn/upstream/drogue"
)

// ErrConflict: somebody else wrote the resource since it was read.
var ErrConflict = errors.New("changed by somebody else meanwhile")

// refusal classifies an answer of the registry that is no success. A device
// that does not exist has an empty body, an application a JSON error: what is
// neither was not said by a registry, and must not be taken for "none".
func (c *Client) refusal(resp *http.Response, path string, body []byte) error {
	e := drogue.ParseAPIError(body)
	what := "device registry: " + path + ": " + e.Text(resp.StatusCode)
	noDevice := len(body) == 0 && strings.Contains(path, "/devices/")
	switch status := resp.StatusCode; {
	case status == http.StatusNotFound && (e.Code != "" || noDevice):
		return fmt.Errorf("%s: %w", what, firmware.ErrNotFound)
	case status == http.StatusConflict:
		return fmt.Errorf("%s: %w", what, ErrConflict)
	case status == http.StatusForbidden && e.Code == "AuthenticationError":
		return fmt.Errorf("%s: %w: user %q may not do this: make it a member of the application, "+
			"as manager or admin if status is to be written", what, drogue.ErrDenied, c.cfg.User)
	case status == http.StatusForbidden && e.Code != "":
		return fmt.Errorf("%s: %w: our account is not accepted: "+
			"check upstream.drogue.registry.user and token_file", what, drogue.ErrAway)
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%s: %w", what, upstream.ErrRejected)
	case status == http.StatusTooManyRequests, status >= 500:
		return drogue.Busy(resp, what)
	}
	return fmt.Errorf("%s: %w: %w", what, drogue.ErrAway, drogue.ErrOdd)
}
