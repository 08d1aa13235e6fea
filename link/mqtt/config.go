package mqtt

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"havn/fault"
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

// Validate returns what is wrong with c.
func (c Config) Validate() (faults fault.List) {
	faults.URL("url", c.URL, secure, plain)
	u, err := url.Parse(c.URL)
	if err == nil && u.Path != "" {
		faults.Add("url", "want no path behind the host")
	}
	if err == nil && u.Scheme == plain && c.CA+c.Certificate != "" {
		faults.Add("url", "ca and certificate need mqtts://")
	}
	if c.PasswordFile != "" && c.Username == "" {
		faults.Add("password_file", "set together with username, which is empty")
	}
	faults.Together("certificate", c.Certificate, "key", c.Key)
	return faults
}

// target returns where to connect to, and over TLS when trust is not nil.
func (c Config) target() (address string, trust *tls.Config, err error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return "", nil, errors.New("url: not a URL") // err may repeat a password
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
	return address, trust, errors.Join(c.authority(trust), c.identity(trust))
}

func (c Config) authority(trust *tls.Config) error {
	if c.CA == "" {
		return nil
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return fmt.Errorf("ca: %w", err)
	}
	trust.RootCAs = x509.NewCertPool()
	if !trust.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("ca: no PEM certificate in %s", c.CA)
	}
	return nil
}

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
	if c.PasswordFile == "" {
		return c.Username, "", nil
	}
	b, err := os.ReadFile(c.PasswordFile)
	if err != nil {
		return "", "", fmt.Errorf("password_file: %w", err)
	}
	return c.Username, strings.TrimRight(string(b), "\r\n"), nil
}
