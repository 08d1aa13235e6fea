package mqtt

import (
	"crypto/tls"
	"errors"
	"net"
	"net/url"

	"havn/fault"
	"havn/link"
)

// Config is how a broker is reached. The files are PEM files, except PasswordFile.
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

// target returns where to connect to. The connection is over TLS unless trust is
// nil.
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
	if trust.RootCAs, err = c.authorities().Pool(); err != nil {
		return "", nil, err
	}
	return address, trust, c.identity(trust)
}

func (c Config) authorities() link.File { return link.File{Key: "ca", Path: c.CA} }

// identity adds the certificate of the gateway, if one is configured.
func (c Config) identity(trust *tls.Config) error {
	if c.Certificate == "" {
		return nil
	}
	files := link.KeyPair{Certificate: link.File{Key: "certificate", Path: c.Certificate}, Key: c.Key}
	pair, err := files.Read()
	trust.Certificates = []tls.Certificate{pair}
	return err
}

func (c Config) account() (user, password string, err error) {
	password, err = link.File{Key: "password_file", Path: c.PasswordFile}.Password()
	return c.Username, password, err
}
