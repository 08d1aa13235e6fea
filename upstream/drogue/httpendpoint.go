package drogue

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxBody is the largest body Drogue Cloud's HTTP endpoint takes, in bytes.
const maxBody = 64 << 10

// httpEndpoint publishes over HTTP. It has no inbox: a long poll would miss
// the commands that come right after an event.
type httpEndpoint struct {
	Endpoint
	base string
	http *http.Client
}

func newHTTPEndpoint(e Endpoint, trust *tls.Config) *httpEndpoint {
	return &httpEndpoint{e, strings.TrimRight(e.URL, "/") + "/v1/", newHTTPClient(trust)}
}

func (h *httpEndpoint) run(ctx context.Context) {
	<-ctx.Done()
	h.http.CloseIdleConnections()
}

func (h *httpEndpoint) retry() {} // each request is a try

func (h *httpEndpoint) publish(ctx context.Context, m message) error {
	if len(m.payload) > maxBody {
		return fmt.Errorf("%w: %d bytes, Drogue Cloud takes %d over HTTP",
			ErrRejected, len(m.payload), maxBody)
	}
	req, err := h.request(ctx, m)
	if err != nil {
		return err
	}
	resp, err := h.http.Do(req)
	if err != nil {
		return away(ctx, "HTTP endpoint", distrust(endpointCA, err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return away(ctx, "HTTP endpoint", err)
	}
	if resp.StatusCode == http.StatusAccepted {
		return nil
	}
	return h.refusal(resp, m, parseAPIError(body).text(resp.StatusCode))
}

func (h *httpEndpoint) request(ctx context.Context, m message) (*http.Request, error) {
	address := h.base + url.PathEscape(m.channel)
	if m.device != "" && m.device != h.Device {
		address += "?" + url.Values{"as": {m.device}}.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(m.payload))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRejected, err)
	}
	if m.contentType != "" {
		req.Header.Set("Content-Type", m.contentType)
	}
	user, password, err := h.account()
	req.SetBasicAuth(user, password)
	return req, err
}

// refusal classifies an answer that is no success. A refused password looks
// like a device that does not list us: only of our own events it is certain.
func (h *httpEndpoint) refusal(resp *http.Response, m message, said string) error {
	own := m.device == "" || m.device == h.Device
	switch status := resp.StatusCode; {
	case status == http.StatusForbidden && own, status == http.StatusUnauthorized:
		return fmt.Errorf("%s: %w: our gateway device is not accepted: check device, application "+
			"and password", said, ErrAway)
	case status == http.StatusForbidden:
		return fmt.Errorf("%s: %w: %s, or check the password of %q",
			said, ErrDenied, denial(h.Endpoint, m), h.Device)
	case status == http.StatusNotAcceptable:
		return fmt.Errorf("%s: %w: a rule of the application refuses it, or it is no valid %s",
			said, ErrRejected, contentName(m.contentType))
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%s: %w", said, ErrRejected)
	case status == http.StatusTooManyRequests, status >= 500:
		return busy(resp, "HTTP endpoint: "+said)
	}
	return fmt.Errorf("HTTP endpoint: %s: %w: %w", said, ErrAway, errOdd)
}
