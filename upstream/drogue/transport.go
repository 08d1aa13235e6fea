package drogue

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"havn/firmware"
	"havn/link"
)

// requestTimeout bounds a request, to the last byte of its answer.
const requestTimeout = 30 * time.Second

// apiError is the body of Drogue Cloud's error answers.
type apiError struct {
	Code    string `json:"error"`
	Message string `json:"message"`
}

// said adds what Drogue Cloud said, for the operator.
func said(status *link.StatusError) (apiError, error) {
	var e apiError
	if json.Unmarshal(status.Body, &e) != nil || e.Code == "" {
		return apiError{}, status
	}
	return e, fmt.Errorf("%w, %s (%.200s)", status, e.Code, e.Message)
}

// refusal classifies an answer of the registry that is no success. A device
// that does not exist has an empty body, an application a JSON error: what is
// neither was not said by a registry, and must not be taken for "none".
func (c *Client) refusal(status *link.StatusError, path string) error {
	e, what := said(status)
	noDevice := len(status.Body) == 0 && strings.Contains(path, "/devices/")
	return fmt.Errorf("device registry: %w: %w", what, c.class(status.Code, e, noDevice))
}

// class returns the reaction to an answer, and what to do about it.
func (c *Client) class(status int, e apiError, noDevice bool) error {
	switch {
	case status == http.StatusNotFound && (e.Code != "" || noDevice):
		return firmware.ErrNotFound
	case status == http.StatusConflict:
		return errConflict
	case status == http.StatusForbidden && e.Code == "AuthenticationError":
		return fmt.Errorf("%w: user %q may not do this: make it a member of the application, "+
			"as manager or admin if status is to be written", ErrDenied, c.cfg.User)
	case status == http.StatusForbidden && e.Code != "":
		return fmt.Errorf("%w: our account is not accepted: "+
			"check upstream.drogue.registry.user and token_file", ErrAway)
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge:
		return ErrRejected
	case status == http.StatusTooManyRequests, status >= 500:
		return ErrAway
	}
	return fmt.Errorf("%w: %w", ErrAway, errOdd)
}
