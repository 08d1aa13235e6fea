package bench

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestOpen: a gateway with its firmware, and a mistake of its configuration.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir, Firmware(100)); err != nil {
		t.Fatal(err)
	}
	g, err := Open(dir, `admin: {listen: "127.0.0.1:0"}`+"\n"+`coap: {listen: ""}`, Local(dir))
	if err != nil {
		t.Fatal(err)
	}
	ready := func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.AdminURL()+"/healthz", nil)
		if err != nil {
			return err
		}
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status)
		}
		return nil
	}
	if err := Live(t.Context(), ready, g.Run); err != nil {
		t.Error(err)
	}
	if _, err := Open(t.TempDir(), "nonsense: 1", nil); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("%v, want a mistake in the configuration", err)
	}
}

// TestLive: all parts have ended when it returns, and the error of a part is
// that of the whole.
func TestLive(t *testing.T) {
	broken, ended := errors.New("broken"), 0
	wait := func(ctx context.Context) error { <-ctx.Done(); ended++; return nil }
	if err := Live(t.Context(), func(context.Context) error { return broken }, wait); !errors.Is(err, broken) || ended != 1 {
		t.Errorf("%v, %d parts ended", err, ended)
	}
	fails := func(context.Context) error { return broken }
	until := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	if err := Live(t.Context(), until, wait, fails); !errors.Is(err, broken) || ended != 2 {
		t.Errorf("%v, %d parts ended", err, ended)
	}
}

// TestSameEveryTime: firmware and names are the same in every process.
func TestSameEveryTime(t *testing.T) {
	if !bytes.Equal(Firmware(64), Firmware(64)) || bytes.Equal(Firmware(64)[:32], Firmware(64)[32:]) {
		t.Error("the firmware differs, or repeats itself")
	}
	if a, b := Device(0), Device(999_999); len(a.Name) != len(b.Name) || a == b {
		t.Errorf("%v and %v", a, b)
	}
}
