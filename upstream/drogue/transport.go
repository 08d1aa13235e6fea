package drogue

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"

	"havn/link"
)

const (
	dialTimeout    = 10 * time.Second // also of the TLS handshake
	requestTimeout = 30 * time.Second // from the first byte sent to the last received
)

// NewHTTPClient returns a client that does not follow redirects: Drogue Cloud
// sends none, portals do.
func NewHTTPClient(trust *tls.Config) *http.Client {
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

// APIError is the body of Drogue Cloud's error answers.
type APIError struct {
	Code    string `json:"error"`
	Message string `json:"message"`
}

// ParseAPIError reads the body of an answer. Its zero value is no such error.
func ParseAPIError(body []byte) (e APIError) {
	if json.Unmarshal(body, &e) != nil {
		return APIError{}
	}
	return e
}

// Text says what the server said, for the operator.
func (e APIError) Text(status int) string {
	if e.Code == "" {
		return fmt.Sprintf("answer %d", status)
	}
	return fmt.Sprintf("answer %d %s (%.200s)", status, e.Code, e.Message)
}

// Busy is ErrAway with the time that the server asked for, where it named one.
func Busy(resp *http.Response, what string) error {
	err := fmt.Errorf("%s: %w", what, ErrAway)
	if after, ok := link.RetryAfter(resp.Header, time.Now()); ok {
		return fmt.Errorf("%w: %w", err, &backoff.RetryAfterError{Duration: after})
	}
	return err
}
