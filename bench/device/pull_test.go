package device

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/dfu"
)

// pullFrom runs a Block2 device against a server until it is in sync, idle, or
// has rounds behind it, each of which ends in a pause.
func pullFrom(
	t *testing.T, cfg Config, rounds int, handle func(m message.Message) Response,
) *Device {
	t.Helper()
	ctx, cancel := context.WithCancel(soon(t))
	defer cancel()
	cfg.Version = "1.0"
	cfg.Sleep = func(context.Context, time.Duration) error {
		if rounds--; rounds == 0 {
			cancel()
		}
		return ctx.Err()
	}
	d, err := NewBlock(cfg, dial(t, serve(t, piggyback(handle)), calm))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Run(ctx); err != nil && ctx.Err() == nil {
		t.Errorf("Run: %v", err)
	}
	return d
}

// isImage tells requests for the image from those for the manifest.
func isImage(m message.Message) bool {
	path, _ := m.Options.Path()
	return path == "/fw/app/dev"
}

func TestPullViolations(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(m message.Message, r Response) Response
		want  []Kind
	}{
		{"wrong bytes", func(m message.Message, r Response) Response {
			if isImage(m) {
				r.Payload = bytes.Repeat([]byte{1}, len(r.Payload))
			}
			return r
		}, []Kind{BadChecksum}},
		{"wrong ETag", func(m message.Message, r Response) Response {
			if isImage(m) {
				return with(r, message.ETag, 1, 2, 3)
			}
			return r
		}, []Kind{ETagWrong}},
		{"wrong block", func(m message.Message, r Response) Response {
			return with(r, message.Block2, 0x16)
		}, []Kind{BlockMismatch}},
		{"no manifest", func(m message.Message, r Response) Response {
			return Response{Code: codes.Content, Payload: []byte("hello")}
		}, []Kind{Undecodable}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := newOrigin(1500)
			d := pullFrom(t, Config{}, 1, func(m message.Message) Response {
				return tt.spoil(m, o.handle(m))
			})
			wantKinds(t, d.Violations(), tt.want...)
			if d.Image() != nil || d.State().Version != "1.0" {
				t.Errorf("the device runs %q", d.State().Version)
			}
		})
	}
}

func TestPullStartsOverWhenTheETagChanges(t *testing.T) {
	old, fresh := newOrigin(3000), newOrigin(3000)
	fresh.version = "3.0"
	current, blocks := old, 0
	d := pullFrom(t, Config{}, 9, func(m message.Message) Response {
		if isImage(m) {
			if blocks++; blocks == 2 {
				current = fresh
			}
		}
		return current.handle(m)
	})
	wantKinds(t, d.Violations(), ETagChanged)
	if !bytes.Equal(d.Image(), fresh.image) || d.State().Version != "3.0" {
		t.Errorf("the device runs %q", d.State().Version)
	}
}

func TestPullFollowsATargetThatMovesBeforeBlock0(t *testing.T) {
	old, fresh := newOrigin(3000), newOrigin(2000)
	fresh.version = "3.0"
	current := old
	d := pullFrom(t, Config{}, 9, func(m message.Message) Response {
		if isImage(m) {
			current = fresh
		}
		return current.handle(m)
	})
	wantKinds(t, d.Violations())
	if !bytes.Equal(d.Image(), fresh.image) {
		t.Errorf("the device runs %q", d.State().Version)
	}
}

func TestPullIsIdleWithoutAManifest(t *testing.T) {
	d := pullFrom(t, Config{}, 1, func(message.Message) Response {
		return Response{Code: codes.NotFound}
	})
	if s := d.State(); !s.Idle || s.InSync || s.Version != "1.0" {
		t.Errorf("state %+v", s)
	}
}

func TestPullReportsItsVersion(t *testing.T) {
	queries := make(chan string, 9)
	o := newOrigin(10)
	pullFrom(t, Config{}, 9, func(m message.Message) Response {
		if !isImage(m) {
			all, _ := m.Options.Queries()
			queries <- strings.Join(all, "&")
		}
		return o.handle(m)
	})
	for _, want := range []string{"version=1.0", "version=2.0"} {
		if got := <-queries; got != want {
			t.Errorf("query %q, want %q", got, want)
		}
	}
}

func TestPullUnderAnotherName(t *testing.T) {
	o := newOrigin(100)
	d := pullFrom(t, Config{BootName: "2.0-dirty"}, 9, o.handle)
	wantKinds(t, d.Violations())
	if s := d.State(); s.Version != "2.0-dirty" || !s.InSync || s.Swaps != 1 {
		t.Errorf("state %+v", s)
	}
}

func TestPullAfterARollBack(t *testing.T) {
	o := newOrigin(100)
	cfg := Config{RollBack: true, Until: func(s State) bool { return s.Swaps == 2 }}
	d := pullFrom(t, cfg, 9, o.handle)
	wantKinds(t, d.Violations(), SentAgain)
}

func TestPullSmallBlocks(t *testing.T) {
	o := newOrigin(1000)
	o.szx = 2
	d := pullFrom(t, Config{BlockSize: 256}, 9, func(m message.Message) Response {
		if r := o.handle(m); isImage(m) || len(r.Payload) <= 64 {
			return r
		}
		return pieces(m, o.manifest())
	})
	wantKinds(t, d.Violations())
	if !bytes.Equal(d.Image(), o.image) {
		t.Errorf("the device runs %q", d.State().Version)
	}
}

// pieces serves any body by Block2 of 64 bytes.
func pieces(m message.Message, body []byte) Response {
	part := &origin{image: body, szx: 2}
	return part.block(m)
}

func TestPullNotesALongDatagram(t *testing.T) {
	o := newOrigin(1500)
	d := pullFrom(t, Config{}, 9, func(m message.Message) Response {
		if r := o.handle(m); len(r.Payload) == 1024 {
			return with(r, 65000, make([]byte, 200)...)
		}
		return o.handle(m)
	})
	wantKinds(t, d.Violations(), OverDatagram)
	if !bytes.Equal(d.Image(), o.image) {
		t.Error("the device did not go on")
	}
}

func TestMarksOfACommand(t *testing.T) {
	good := command(dfu.Command{Op: dfu.OpWait})
	good.Size = MaxDatagram
	tests := []struct {
		name string
		resp Response
		want []Kind
	}{
		{"good", good, nil},
		{"no option 4210", without(good, OptionCommand), []Kind{NotCommand}},
		{"another command", with(good, OptionCommand, 'x'), []Kind{NotCommand}},
		{"another format", with(good, message.ContentFormat, 42), []Kind{NotCommand}},
		{"too long", Response{Options: good.Options, Size: MaxDatagram + 1}, []Kind{OverDatagram}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantKinds(t, marks(tt.resp), tt.want...) })
	}
}
