package drogue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"havn/link"
)

// maxBody is the largest body Drogue Cloud's HTTP endpoint takes, in bytes.
const maxBody = 64 << 10

// httpEndpoint publishes over HTTP. It has no inbox: a long poll would miss
// the commands that come right after an event.
type httpEndpoint struct {
	Endpoint
	base string
	http *link.Client
}

func newHTTPEndpoint(e Endpoint) (*httpEndpoint, error) {
	asked, err := link.NewClient(link.ClientConfig{
		CA: e.authorities(), Compress: true, Timeout: requestTimeout,
	})
	return &httpEndpoint{e, strings.TrimRight(e.URL, "/") + "/v1/", asked}, err
}

func (h *httpEndpoint) run(ctx context.Context) {
	<-ctx.Done()
	h.http.Close()
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
	answer, err := h.http.Do(req, maxBody)
	switch status, refused := errors.AsType[*link.StatusError](err); {
	case refused:
		return h.refusal(status, m)
	case err != nil:
		return away(ctx, "HTTP endpoint", err)
	case answer.Code != http.StatusAccepted:
		return fmt.Errorf("HTTP endpoint: answer %d: %w: %w", answer.Code, ErrAway, errOdd)
	}
	return nil
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
	if err != nil {
		return nil, away(ctx, "HTTP endpoint", err)
	}
	req.SetBasicAuth(user, password)
	return req, nil
}

// refusal classifies an answer that is no success. A refused password looks
// like a device that does not list us: only of our own events it is certain.
func (h *httpEndpoint) refusal(status *link.StatusError, m message) error {
	_, what := said(status)
	return fmt.Errorf("HTTP endpoint: %w: %w", what, h.class(status.Code, m))
}

// class returns the reaction to an answer, and what to do about it.
func (h *httpEndpoint) class(status int, m message) error {
	own := m.device == "" || m.device == h.Device
	switch {
	case status == http.StatusForbidden && own, status == http.StatusUnauthorized:
		return fmt.Errorf("%w: our gateway device is not accepted: check device, application "+
			"and password", ErrAway)
	case status == http.StatusForbidden:
		return fmt.Errorf("%w: %s, or check the password of %q", ErrDenied, denial(h.Endpoint, m), h.Device)
	case status == http.StatusNotAcceptable:
		return fmt.Errorf("%w: a rule of the application refuses it, or it is no valid %s",
			ErrRejected, contentName(m.contentType))
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge:
		return ErrRejected
	case status == http.StatusTooManyRequests, status >= 500:
		return ErrAway
	}
	return fmt.Errorf("%w: %w", ErrAway, errOdd)
}
