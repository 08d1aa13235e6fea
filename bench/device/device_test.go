package device

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/bench/lossy"
	"havn/dfu"
)

// impatient is a Sleep that takes no time.
func impatient(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
	t.Cleanup(cancel)
	return ctx
}

type builder func(Config, *CoAP) (*Device, error)

// modes are the two ways to update over CoAP.
var modes = map[string]builder{
	"write": func(cfg Config, c *CoAP) (*Device, error) { return New(cfg, c) },
	"block": NewBlock,
}

func TestUpdate(t *testing.T) {
	for mode, build := range modes {
		for _, size := range []int{1, 4, 1023, 1024, 4097, 20000} {
			o := newOrigin(size)
			c := dial(t, serve(t, piggyback(o.handle)), calm)
			update(t, build, Config{Version: "1.0", Size: uint32(size)}, c, o)
			if t.Failed() {
				t.Fatalf("mode %s, %d bytes", mode, size)
			}
		}
	}
}

// update runs a device to its end and checks what it has then.
func update(t *testing.T, build builder, cfg Config, c *CoAP, o *origin) {
	t.Helper()
	var last uint32
	cfg.Progress = func(offset, size uint32) {
		if offset < last || int(size) != len(o.image) {
			t.Errorf("progress went from %d to %d of %d", last, offset, size)
		}
		last = offset
	}
	d, err := build(cfg, c)
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Run(soon(t))
	if err != nil {
		t.Errorf("Run: %v", err)
	}
	wantKinds(t, r.Violations)
	if !bytes.Equal(d.Image(), o.image) || r.Version != o.version || r.Digest != sum(o.image) {
		t.Errorf("ended with %d bytes of %d, version %q", len(d.Image()), len(o.image), r.Version)
	}
	if r.Bytes != uint64(len(o.image)) || r.Chunks == 0 || int(last) != len(o.image) {
		t.Errorf("result %+v, last progress %d", r, last)
	}
}

func TestUpdateOverABadLink(t *testing.T) {
	const devices = 8
	o := newOrigin(12001)
	path := lossy.Path{Loss: 0.2, Duplicate: 0.1, Reorder: 0.2, Jitter: 10 * time.Millisecond}
	l, err := lossy.Listen(lossy.Config{Up: path, Down: path, Seed: 1}, serve(t, piggyback(o.handle)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var relay, running sync.WaitGroup
	relay.Go(func() { _ = l.Run(ctx) })
	defer relay.Wait()
	defer cancel()
	for _, build := range modes {
		for range devices / len(modes) {
			c := dial(t, l.Addr(), fast)
			running.Go(func() {
				update(t, build, Config{Version: "1.0", Size: uint32(len(o.image)), Sleep: impatient}, c, o)
			})
		}
	}
	running.Wait()
	s := l.Stats()
	if s.Up.Lost == 0 || s.Down.Lost == 0 || s.Down.Duplicated == 0 || s.Clients != devices {
		t.Errorf("the link was too good: %+v", s)
	}
}

func TestTransientAnswersAreRetried(t *testing.T) {
	for mode, build := range modes {
		t.Run(mode, func(t *testing.T) {
			o := newOrigin(3000)
			count := 0
			c := dial(t, serve(t, piggyback(func(m message.Message) Response {
				if count++; count%2 == 1 {
					code := []codes.Code{codes.ServiceUnavailable, codes.TooManyRequests}[count/2%2]
					return Response{Code: code, Options: message.Options{uintOption(message.MaxAge, 7)}}
				}
				return o.handle(m)
			})), calm)
			slept := 0
			update(t, build, Config{Size: 3000, Sleep: func(ctx context.Context, d time.Duration) error {
				if d != 7*time.Second {
					t.Errorf("slept %v, Max-Age says 7 s", d)
				}
				slept++
				return nil
			}}, c, o)
			if slept < 4 {
				t.Errorf("slept %d times", slept)
			}
		})
	}
}

func TestNoMaxAgeIsNoHaste(t *testing.T) {
	d, err := New(Config{Backoff: time.Second}, &player{})
	if err != nil {
		t.Fatal(err)
	}
	pause, err := d.failed(context.Background(), &CodeError{Code: codes.ServiceUnavailable})
	if pause != time.Second || err != nil {
		t.Errorf("pause %v, %v", pause, err)
	}
}

func TestRefusalEndsTheDevice(t *testing.T) {
	for mode, build := range modes {
		t.Run(mode, func(t *testing.T) {
			c := dial(t, serve(t, piggyback(func(message.Message) Response {
				return Response{Code: codes.Forbidden, Payload: []byte("not yours")}
			})), calm)
			d, err := build(Config{Version: "1.0"}, c)
			if err != nil {
				t.Fatal(err)
			}
			_, err = d.Run(soon(t))
			var refused *CodeError
			if !errors.As(err, &refused) || refused.Code != codes.Forbidden || refused.Text != "not yours" {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestIdentity(t *testing.T) {
	var seen sync.Map
	c := dial(t, serve(t, piggyback(func(m message.Message) Response {
		queries, _ := m.Options.Queries()
		for _, q := range queries {
			seen.Store(q, true)
		}
		token, _ := m.Options.GetString(OptionAuthorization)
		seen.Store(token, true)
		return command(dfu.Command{Op: dfu.OpSync, Version: []byte("1.0")})
	})), calm)
	c.Authorization = "Basic abc"
	d, err := New(Config{Version: "1.0", Until: func(s State) bool { return s.InSync }}, c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Run(soon(t)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"application=app", "device=dev", "Basic abc"} {
		if _, ok := seen.Load(want); !ok {
			t.Errorf("the request has no %q", want)
		}
	}
}

func TestRebootStartsOver(t *testing.T) {
	for mode, build := range modes {
		t.Run(mode, func(t *testing.T) {
			o := newOrigin(5000)
			c := dial(t, serve(t, piggyback(o.handle)), calm)
			var d *Device
			rebooted := false
			cfg := Config{Version: "1.0", Size: 5000, Progress: func(offset, _ uint32) {
				if offset > 2000 && !rebooted {
					rebooted = true
					d.Reboot()
				}
			}}
			d, err := build(cfg, c)
			if err != nil {
				t.Fatal(err)
			}
			r, err := d.Run(soon(t))
			if err != nil || !bytes.Equal(d.Image(), o.image) {
				t.Errorf("ended with %d bytes, %v", len(d.Image()), err)
			}
			wantKinds(t, r.Violations)
			if r.Bytes <= 7000 {
				t.Errorf("got %d bytes in all, want more than 7000", r.Bytes)
			}
		})
	}
}

func TestBootNameAndRollBack(t *testing.T) {
	swapped := func(s State) bool { return s.Swaps == 1 }
	for mode, build := range modes {
		for _, cfg := range []Config{
			{Version: "1.0", BootName: "2.0-dirty", Until: swapped},
			{Version: "1.0", RollBack: true, Until: swapped},
		} {
			o := newOrigin(100)
			c := dial(t, serve(t, piggyback(o.handle)), calm)
			d, err := build(cfg, c)
			if err != nil {
				t.Fatal(err)
			}
			r, err := d.Run(soon(t))
			want := cfg.BootName
			if cfg.RollBack {
				want = "1.0"
			}
			if err != nil || r.Version != want || (d.Image() == nil) != cfg.RollBack {
				t.Errorf("%s: %+v, %v", mode, r, err)
			}
		}
	}
}

func TestRunEndsWithContext(t *testing.T) {
	reason := errors.New("enough")
	for mode, build := range modes {
		ctx, cancel := context.WithCancelCause(context.Background())
		c := dial(t, serve(t, piggyback(func(message.Message) Response {
			cancel(reason)
			return Response{Code: codes.ServiceUnavailable}
		})), calm)
		d, err := build(Config{}, c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Run(ctx); !errors.Is(err, reason) {
			t.Errorf("%s: got %v, want %v", mode, err, reason)
		}
	}
}

func TestRunEndsWhenTheClientIsClosed(t *testing.T) {
	for mode, build := range modes {
		c := dial(t, netip.MustParseAddrPort("127.0.0.1:9"), calm)
		c.Client.Close()
		d, err := build(Config{}, c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Run(soon(t)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: got %v, want %v", mode, err, net.ErrClosed)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	c := dial(t, netip.MustParseAddrPort("127.0.0.1:9"), calm)
	for _, size := range []int{-1, 8, 100, 2048} {
		if _, err := NewBlock(Config{BlockSize: size}, c); err == nil {
			t.Errorf("block size %d was accepted", size)
		}
	}
}
