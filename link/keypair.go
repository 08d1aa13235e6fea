package link

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
)

// KeyPair names a certificate of the gateway and its key, in PEM files.
type KeyPair struct {
	Certificate File
	Key         string // path
}

// Read reads both files.
func (k KeyPair) Read() (tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(k.Certificate.Path, k.Key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s: %w", k.Certificate.Key, err)
	}
	return pair, nil
}

// Identity is the certificate that a server shows. A handshake takes it from
// memory: the files are read by Reload alone.
type Identity struct {
	current atomic.Pointer[tls.Certificate]
}

// Reload reads the files of k. After an error the certificate in use stays.
func (i *Identity) Reload(k KeyPair) error {
	pair, err := k.Read()
	if err == nil {
		i.current.Store(&pair)
	}
	return err
}

// Certificate is the GetCertificate of a [tls.Config].
func (i *Identity) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return i.current.Load(), nil
}
