package link

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var discard = log.New(io.Discard, "", 0)

// TestAuthoritiesAreReadAgain replaces the certificate of a server, then the file
// of authorities.
func TestAuthoritiesAreReadAgain(t *testing.T) {
	before, after := newAuthority(t), newAuthority(t)
	s := serve(t, before)
	ca := write(t, before.pem)
	c := newClient(t, ClientConfig{CA: File{"upstream.drogue.registry.ca", ca}})
	ask := func() error { _, err := c.Do(get(t, s.URL), 10); return err }
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	s.pair.Store(&after.pair)
	s.CloseClientConnections()
	err := ask()
	if err == nil || !strings.Contains(err.Error(), "upstream.drogue.registry.ca has to name a PEM file") {
		t.Fatalf("error %v, want one that names the key", err)
	}
	replace(t, ca, after.pem)
	if err := ask(); err != nil {
		t.Errorf("%v, though the file names the authority now", err)
	}
}

// TestConnectionsOfEarlierAuthorities are not used on.
func TestConnectionsOfEarlierAuthorities(t *testing.T) {
	a := newAuthority(t)
	s := serve(t, a)
	ca := write(t, a.pem)
	c := newClient(t, ClientConfig{CA: File{"ca", ca}})
	for want := range int32(2) {
		for range 3 {
			if _, err := c.Do(get(t, s.URL), 10); err != nil {
				t.Fatal(err)
			}
		}
		if got := s.connections.Load(); got != want+1 {
			t.Errorf("%d connections, want %d", got, want+1)
		}
		replace(t, ca, a.pem+newAuthority(t).pem)
	}
}

func TestAuthoritiesThatCannotBeRead(t *testing.T) {
	a := newAuthority(t)
	s := serve(t, a)
	ca := write(t, a.pem)
	c := newClient(t, ClientConfig{CA: File{"ca", ca}})
	replace(t, ca, "")
	if _, err := c.Do(get(t, s.URL), 10); err == nil || !strings.Contains(err.Error(), "no PEM certificate") {
		t.Errorf("error %v of an empty file", err)
	}
	if err := os.Remove(ca); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(get(t, s.URL), 10); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v of a file that is gone", err)
	}
	if _, err := NewClient(ClientConfig{CA: File{"ca", ca}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("NewClient: error %v of a file that is gone", err)
	}
}

// TestNoHeader is a server that takes the request and says nothing.
func TestNoHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, ClientConfig{Dial: func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, there) }()
			return here, nil
		}})
		began := time.Now()
		_, err := c.Open(get(t, "http://silent.test/"))
		if waited := time.Since(began); err == nil || waited != headerTimeout {
			t.Errorf("%v after %v, want an error after %v", err, waited, headerTimeout)
		}
	})
}

func TestSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		r, w := io.Pipe()
		context.AfterFunc(ctx, func() { w.CloseWithError(ctx.Err()) })
		body := newWatchedBody(ctx, cancel, r)
		defer body.Close()
		go func() { _, _ = w.Write([]byte("half")) }()
		if n, err := body.Read(make([]byte, 10)); n != 4 || err != nil {
			t.Fatal(n, err)
		}
		time.Sleep(2 * StallTimeout) // the reader's own time
		began := time.Now()
		if _, err := body.Read(make([]byte, 10)); !errors.Is(err, errStalled) {
			t.Errorf("error %v, want errStalled", err)
		}
		if waited := time.Since(began); waited != StallTimeout {
			t.Errorf("waited %v, want %v", waited, StallTimeout)
		}
	})
}
