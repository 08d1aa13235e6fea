package endpoint

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"havn/upstream"
	"havn/upstream/drogue"
)

// maxBody is the largest body Drogue Cloud's HTTP endpoint takes, in bytes.
const maxBody = 64 << 10

// httpWay publishes over HTTP. It has no inbox: a long poll would miss
// the commands that come right after an event.
type httpWay struct {
	cfg  drogue.Endpoint
	base string
	http *http.Client
}

func newHTTP(cfg drogue.Endpoint) (*httpWay, error) {
	trust, err := drogue.TLS(name(cfg), cfg.CA)
	if err != nil {
		return nil, err
	}
	return &httpWay{cfg, strings.TrimRight(cfg.URL, "/") + "/v1/", drogue.NewHTTPClient(trust)}, nil
}

func (h *httpWay) run(ctx context.Context) {
	<-ctx.Done()
	h.http.CloseIdleConnections()
}

func (h *httpWay) retry() {} // each request is a try

func (h *httpWay) send(ctx context.Context, m message) error {
	if len(m.payload) > maxBody {
		return fmt.Errorf("%w: %d bytes, Drogue Cloud takes %d over HTTP",
			upstream.ErrRejected, len(m.payload), maxBody)
	}
	req, err := h.request(ctx, m)
	if err != nil {
		return err
	}
	resp, err := h.http.Do(req)
	if err != nil {
		return drogue.Away(ctx, "HTTP endpoint", drogue.Distrust(caKey, err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return drogue.Away(ctx, "HTTP endpoint", err)
	}
	if resp.StatusCode == http.StatusAccepted {
		return nil
	}
	return h.refusal(resp, m, drogue.ParseAPIError(body).Text(resp.StatusCode))
}

func (h *httpWay) request(ctx context.Context, m message) (*http.Request, error) {
	address := h.base + url.PathEscape(m.channel)
	if m.device != "" && m.device != h.cfg.Device {
		address += "?" + url.Values{"as": {m.device}}.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(m.payload))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", upstream.ErrRejected, err)
	}
	if m.contentType != "" {
		req.Header.Set("Content-Type", m.contentType)
	}
	user, password, err := account(h.cfg)
	req.SetBasicAuth(user, password)
	return req, err
}

// refusal classifies an answer that is no success. A refused password looks
// like a device that does not list us: only of our own events it is certain.
func (h *httpWay) refusal(resp *http.Response, m message, said string) error {
	own := m.device == "" || m.device == h.cfg.Device
	switch status := resp.StatusCode; {
	case status == http.StatusForbidden && own, status == http.StatusUnauthorized:
		return fmt.Errorf("%s: %w: our gateway device is not accepted: check device, application "+
			"and password", said, drogue.ErrAway)
	case status == http.StatusForbidden:
		return fmt.Errorf("%s: %w: %s, or check the password of %q",
			said, drogue.ErrDenied, denial(h.cfg, m), h.cfg.Device)
	case status == http.StatusNotAcceptable:
		return fmt.Errorf("%s: %w: a rule of the application refuses it, or it is no valid %s",
			said, upstream.ErrRejected, contentName(m.contentType))
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%s: %w", said, upstream.ErrRejected)
	case status == http.StatusTooManyRequests, status >= 500:
		return drogue.Busy(resp, "HTTP endpoint: "+said)
	}
	return fmt.Errorf("HTTP endpoint: %s: %w: %w", said, drogue.ErrAway, drogue.ErrOdd)
}
