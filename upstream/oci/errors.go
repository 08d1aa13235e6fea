package oci

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"havn/firmware"
	"havn/link"
)

// maxText bounds what a registry can make us print.
const maxText = 300

// outside is an error whose text came from a registry or a library. It unwraps to
// the cause, and shows a text that is free of secrets.
type outside struct {
	text  string
	cause error
}

// Error returns the text.
func (e *outside) Error() string { return e.text }

// Unwrap returns the cause.
func (e *outside) Unwrap() error { return e.cause }

var urlQuery = regexp.MustCompile(`\?[^\s"]+`)

// clean keeps the first line of a text and cuts the queries of its URLs: storage
// services carry signatures there, and token servers their answers.
func clean(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	text = urlQuery.ReplaceAllString(text, "?...")
	return link.Clip(text, maxText)
}

// away wraps a failure to reach the registry: the source is away. The library
// tries several ways to reach it. The text is of the way that a certificate ended,
// if one did.
func away(reg name.Registry, err error) error {
	text := err.Error()
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.As(err, &untrusted):
		text = Registry{}.authorities().Explain(untrusted).Error()
	case errors.Is(err, http.ErrSchemeMismatch):
		text += " (for a registry without TLS set plain_http in firmware.registries)"
	}
	return &outside{fmt.Sprintf("registry %s: %s", reg, clean(text)), err}
}

// answerIn returns the HTTP answer that err is about, nil if there was none. When
// TLS failed for the certificate, an answer to plain HTTP does not count.
func answerIn(err error) *transport.Error {
	var untrusted *tls.CertificateVerificationError
	var answer *transport.Error
	if errors.As(err, &untrusted) || !errors.As(err, &answer) {
		return nil
	}
	return answer
}

// contactError maps the failure to get an answer to a request. An answer inside
// the failure is of the ping or of the token server: a 404 there says that the
// host is no registry, not that an image is missing.
func contactError(reg name.Registry, err error) error {
	answer := answerIn(err)
	switch {
	case answer == nil:
		return away(reg, err)
	case denied(answer):
		return deniedError(reg, answer)
	}
	return fmt.Errorf("registry %s: its ping or token server answers %s", reg, status(answer))
}

// answerError maps an answer that is no success.
func answerError(reg name.Registry, err error) error {
	answer := answerIn(err)
	switch {
	case answer == nil:
		return away(reg, err)
	case denied(answer):
		return deniedError(reg, answer)
	case missing(answer):
		return fmt.Errorf("%w: registry %s answers %s", firmware.ErrNotFound, reg, status(answer))
	}
	return fmt.Errorf("registry %s answers %s", reg, status(answer))
}

func deniedError(reg name.Registry, answer *transport.Error) error {
	return fmt.Errorf("%w: registry %s answers %s: docker login %s, or set its username and "+
		"password_file in firmware.registries", firmware.ErrDenied, reg, status(answer), reg)
}

func denied(answer *transport.Error) bool {
	return answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden ||
		hasCode(answer, transport.UnauthorizedErrorCode, transport.DeniedErrorCode)
}

func missing(answer *transport.Error) bool {
	return answer.StatusCode == http.StatusNotFound ||
		hasCode(answer, transport.ManifestUnknownErrorCode, transport.NameUnknownErrorCode,
			transport.BlobUnknownErrorCode)
}

func hasCode(answer *transport.Error, codes ...transport.ErrorCode) bool {
	for _, d := range answer.Errors {
		for _, code := range codes {
			if d.Code == code {
				return true
			}
		}
	}
	return false
}

var errorCode = regexp.MustCompile(`^[A-Z_]{1,32}$`)

// status names an answer by its status and error codes. The messages beside the
// codes are left out: the registry writes them, and could repeat what was sent.
func status(answer *transport.Error) string {
	text := fmt.Sprintf("%d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	for _, d := range answer.Errors[:min(len(answer.Errors), 3)] {
		if errorCode.MatchString(string(d.Code)) {
			text += " " + string(d.Code)
		}
	}
	return text
}
