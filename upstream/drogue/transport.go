package drogue

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"havn/firmware"
)

const (
	dialTimeout    = 10 * time.Second // also of the TLS handshake
	requestTimeout = 30 * time.Second // from the first byte sent to the last received
)

// newHTTPClient does not follow redirects: Drogue Cloud sends none, portals do.
func newHTTPClient(trust *tls.Config) *http.Client {
	dialer := net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &http.Client{
		Timeout:       requestTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         dialer.DialContext,
			TLSClientConfig:     trust,
			TLSHandshakeTimeout: dialTimeout,
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: 4,
			IdleConnTimeout:     90 * time.Second,
		},
	}
}

// apiError is the body of Drogue Cloud's error answers.
type apiError struct {
	Code    string `json:"error"`
	Message string `json:"message"`
}

func parseAPIError(body []byte) (e apiError) {
	if json.Unmarshal(body, &e) != nil {
		return apiError{}
	}
	return e
}

// text says what the server said, for the operator.
func (e apiError) text(status int) string {
	if e.Code == "" {
		return fmt.Sprintf("answer %d", status)
	}
	return fmt.Sprintf("answer %d %s (%.200s)", status, e.Code, e.Message)
}

// refusal classifies an answer of the registry that is no success. A device
// that does not exist has an empty body, an application a JSON error: what is
// neither was not said by a registry, and must not be taken for "none".
func (c *Client) refusal(resp *http.Response, path string, body []byte) error {
	e := parseAPIError(body)
	what := "device registry: " + path + ": " + e.text(resp.StatusCode)
	noDevice := len(body) == 0 && strings.Contains(path, "/devices/")
	switch status := resp.StatusCode; {
	case status == http.StatusNotFound && (e.Code != "" || noDevice):
		return fmt.Errorf("%s: %w", what, firmware.ErrNotFound)
	case status == http.StatusConflict:
		return fmt.Errorf("%s: %w", what, errConflict)
	case status == http.StatusForbidden && e.Code == "AuthenticationError":
		return fmt.Errorf("%s: %w: user %q may not do this: make it a member of the application, "+
			"as manager or admin if status is to be written", what, ErrDenied, c.cfg.User)
	case status == http.StatusForbidden && e.Code != "":
		return fmt.Errorf("%s: %w: our account is not accepted: "+
			"check upstream.drogue.registry.user and token_file", what, ErrAway)
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%s: %w", what, ErrRejected)
	case status == http.StatusTooManyRequests, status >= 500:
		return busy(resp, what)
	}
	return fmt.Errorf("%s: %w: %w", what, ErrAway, errOdd)
}

// busy is ErrAway with the time the server asked for, where it named one.
func busy(resp *http.Response, what string) error {
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return &busyError{
		after: min(max(0, time.Duration(seconds)*time.Second), maxRetry),
		err:   fmt.Errorf("%s: %w", what, ErrAway),
	}
}
