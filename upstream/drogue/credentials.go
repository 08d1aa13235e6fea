package drogue

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Secret is read where it is used, so that it can be rotated without a restart.
type Secret struct {
	Key  string // of the configuration, for errors
	Path string // of the file; empty = none
}

// Read returns the content without its last line break, empty where there is no
// file.
func (s Secret) Read() (string, error) {
	if s.Path == "" {
		return "", nil
	}
	b, err := os.ReadFile(s.Path)
	if err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrAway, s.Key, err)
	}
	text := strings.TrimRight(string(b), "\r\n")
	if text == "" {
		return "", fmt.Errorf("%w: %s: %s is empty", ErrAway, s.Key, s.Path)
	}
	return text, nil
}

// TLS trusts the authorities in the PEM file ca; nil, the system's, when
// there is none.
func TLS(what, ca string) (*tls.Config, error) {
	if ca == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("%s: ca: %w", what, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: ca: no PEM certificate in %s", what, ca)
	}
	return &tls.Config{RootCAs: pool}, nil
}

// Distrust adds to the error of a connection which key to look at, where the
// server's certificate is of an authority that we do not trust.
func Distrust(key string, err error) error {
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		return err
	}
	return fmt.Errorf("%w; %s has to name a PEM file with the authority that signed the "+
		"server's certificate", err, key)
}
