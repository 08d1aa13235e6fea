package endpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"havn/link"
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
	http *link.Client
}

func newHTTP(cfg drogue.Endpoint) (*httpWay, error) {
	asked, err := link.NewClient(link.ClientConfig{
		CA: authorities(cfg), Compress: true, Timeout: drogue.Timeout,
	})
	return &httpWay{cfg, strings.TrimRight(cfg.URL, "/") + "/v1/", asked}, err
}

func (h *httpWay) run(ctx context.Context) {
	<-ctx.Done()
	h.http.Close()
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
	answer, err := h.http.Do(req, maxBody)
	switch status, refused := errors.AsType[*link.StatusError](err); {
	case refused:
		return h.refusal(status, m)
	case err != nil:
		return drogue.Away(ctx, "HTTP endpoint", err)
	case answer.Code != http.StatusAccepted:
		return fmt.Errorf("HTTP endpoint: answer %d: %w: %w", answer.Code, drogue.ErrAway, drogue.ErrOdd)
	}
	return nil
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
	if err != nil {
		return nil, drogue.Away(ctx, "HTTP endpoint", err)
	}
	req.SetBasicAuth(user, password)
	return req, nil
}

// refusal classifies an answer that is no success. A refused password looks
// like a device that does not list us: only of our own events it is certain.
func (h *httpWay) refusal(status *link.StatusError, m message) error {
	_, what := drogue.Said(status)
	return fmt.Errorf("HTTP endpoint: %w: %w", what, h.class(status.Code, m))
}

// class returns the reaction to an answer, and what to do about it.
func (h *httpWay) class(status int, m message) error {
	own := m.device == "" || m.device == h.cfg.Device
	switch {
	case status == http.StatusForbidden && own, status == http.StatusUnauthorized:
		return fmt.Errorf("%w: our gateway device is not accepted: check device, application "+
			"and password", drogue.ErrAway)
	case status == http.StatusForbidden:
		return fmt.Errorf("%w: %s, or check the password of %q", drogue.ErrDenied, denial(h.cfg, m), h.cfg.Device)
	case status == http.StatusNotAcceptable:
		return fmt.Errorf("%w: a rule of the application refuses it, or it is no valid %s",
			upstream.ErrRejected, contentName(m.contentType))
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge:
		return upstream.ErrRejected
	case status == http.StatusTooManyRequests, status >= 500:
		return drogue.ErrAway
	}
	return fmt.Errorf("%w: %w", drogue.ErrAway, drogue.ErrOdd)
}
