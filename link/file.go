package link

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxFile bounds a file of secrets or certificates, in bytes: the bundle of all
// public authorities has a quarter of it.
const maxFile = 1 << 20

// File is a file of the operator that a key of the configuration names. Each
// method reads the file anew: its content can be replaced without a restart.
type File struct {
	Key  string // for errors: "upstream.drogue.registry.token_file"
	Path string // empty = no file
}

// Password returns the content without the line breaks at its end. It is empty
// where no file is named.
func (f File) Password() (string, error) {
	b, err := f.read()
	text := strings.TrimRight(string(b), "\r\n")
	if err == nil && text == "" && f.Path != "" {
		err = fmt.Errorf("%s: %s is empty", f.Key, f.Path)
	}
	return text, err
}

// Token returns the one word of printable ASCII that the file holds, without white
// space around the word. It is empty where no file is named.
func (f File) Token() (string, error) {
	b, err := f.read()
	if err != nil || f.Path == "" {
		return "", err
	}
	token := strings.TrimSpace(string(b))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("%s: %s: want one word of printable ASCII", f.Key, f.Path)
	}
	return token, nil
}

// Pool returns the certificate authorities in the PEM file. It is nil, which
// stands for the authorities of the system, where no file is named.
func (f File) Pool() (*x509.CertPool, error) {
	b, err := f.read()
	if err != nil || f.Path == "" {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("%s: no PEM certificate in %s", f.Key, f.Path)
	}
	return pool, nil
}

// Explain adds what to do to the error of a connection that failed because no
// authority of the file, or of the system, signed the server's certificate.
func (f File) Explain(err error) error {
	if !errors.As(err, new(x509.UnknownAuthorityError)) {
		return err
	}
	return fmt.Errorf("%w; %s has to name a PEM file with the authority that signed the "+
		"server's certificate", err, f.Key)
}

func (f File) read() ([]byte, error) {
	if f.Path == "" {
		return nil, nil
	}
	file, err := os.Open(f.Path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Key, err)
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Key, err)
	}
	if len(b) > maxFile {
		return nil, fmt.Errorf("%s: %s has more than %d bytes", f.Key, f.Path, maxFile)
	}
	return b, nil
}
