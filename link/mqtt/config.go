package mqtt

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"

	"havn/link"
)

// Config is how a broker is reached. Paths are of PEM files, but PasswordFile.
type Config struct {
	URL          string `yaml:"url"`           // mqtt://HOST[:1883] or, over TLS, mqtts://HOST[:8883]
	Username     string `yaml:"username"`      // empty = none
	PasswordFile string `yaml:"password_file"` // its last line break is not part of the password
	CA           string `yaml:"ca"`            // authorities of the broker; empty = the system's
	Certificate  string `yaml:"certificate"`   // of the gateway, where the broker asks for one
	Key          string `yaml:"key"`           // of Certificate
}

// The schemes of Config.URL and their ports.
const (
	plain  = "mqtt"
	secure = "mqtts"
)

var ports = map[string]string{plain: "1883", secure: "8883"}

var errURL = errors.New("url: want mqtt://HOST:PORT or mqtts://HOST:PORT")

// Validate reports what is wrong with c. Errors begin with the key.
func (c Config) Validate() error {
	u, err := c.parse()
	switch {
	case err != nil:
		return err
	case u.Path != "":
		return errURL
	case u.User != nil:
		return errors.New("url: put the account into username and password_file")
	case c.PasswordFile != "" && c.Username == "":
		return errors.New("password_file: set without username")
	case (c.Certificate == "") != (c.Key == ""):
		return errors.New("certificate: certificate and key go together")
	case u.Scheme == plain && c.CA+c.Certificate != "":
		return errors.New("url: ca and certificate need mqtts://")
	}
	return nil
}

func (c Config) parse() (*url.URL, error) {
	u, err := url.Parse(c.URL)
	if err != nil || ports[u.Scheme] == "" || u.Hostname() == "" {
		return nil, errURL
	}
	return u, nil
}

// target returns where to connect to, and over TLS when trust is not nil.
func (c Config) target() (address string, trust *tls.Config, err error) {
	u, err := c.parse()
	if err != nil {
		return "", nil, err
	}
	port := u.Port()
	if port == "" {
		port = ports[u.Scheme]
	}
	address = net.JoinHostPort(u.Hostname(), port)
	if u.Scheme == plain {
		return address, nil, nil
	}
	trust = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	if trust.RootCAs, err = c.authorities().Pool(); err != nil {
		return "", nil, err
	}
	return address, trust, c.identity(trust)
}

func (c Config) authorities() link.File { return link.File{Key: "ca", Path: c.CA} }

// identity adds the certificate of the gateway, where there is one.
func (c Config) identity(trust *tls.Config) error {
	if c.Certificate == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	trust.Certificates = []tls.Certificate{pair}
	return nil
}

func (c Config) account() (user, password string, err error) {
	password, err = link.File{Key: "password_file", Path: c.PasswordFile}.Password()
	return c.Username, password, err
}
