package drogue

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// secret is read where it is used, so that it can be rotated without a restart.
type secret struct {
	key  string // the configuration key, for errors
	path string
}

func (s secret) read() (string, error) {
	if s.path == "" {
		return "", nil
	}
	b, err := os.ReadFile(s.path)
	if err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrAway, s.key, err)
	}
	text := strings.TrimRight(string(b), "\r\n")
	if text == "" {
		return "", fmt.Errorf("%w: %s: %s is empty", ErrAway, s.key, s.path)
	}
	return text, nil
}

// authorize puts the account of the registry on a request: exactly one form,
// as the server refuses several.
func (r RegistryConfig) authorize(req *http.Request) error {
	token, err := secret{"upstream.drogue.registry.token_file", r.TokenFile}.read()
	switch {
	case err != nil:
		return err
	case r.User != "":
		req.SetBasicAuth(r.User, token)
	case token != "":
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return nil
}

// account returns what to connect with. A bearer token stands as user name,
// the one place where both versions of MQTT accept it alone.
func (i IntegrationConfig) account() (user, password string, err error) {
	token, err := secret{"upstream.drogue.integration.token_file", i.TokenFile}.read()
	if i.User == "" {
		return token, "", err
	}
	return i.User, token, err
}

// account returns user name and password of the gateway device. The server
// splits at the first @ and decodes percent signs left of it.
func (e Endpoint) account() (user, password string, err error) {
	password, err = secret{"upstream.drogue.endpoints: password_file", e.PasswordFile}.read()
	return userEscaper.Replace(e.Device) + "@" + e.Application, password, err
}

// name is what operators know an endpoint by.
func (e Endpoint) name() string { return "gateway device " + e.Device + " of " + e.Application }

var userEscaper = strings.NewReplacer("%", "%25", "@", "%40")

// tlsConfig trusts the authorities in the PEM file ca; nil, the system's, when
// there is none.
func tlsConfig(what, ca string) (*tls.Config, error) {
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

// distrust adds to the error of a connection which key to look at, where the
// server's certificate is of an authority that we do not trust.
func distrust(key string, err error) error {
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		return err
	}
	return fmt.Errorf("%w; %s has to name a PEM file with the authority that signed the "+
		"server's certificate", err, key)
}
