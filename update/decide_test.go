package update

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/rand"
	"os"
	"slices"
	"strconv"
	"testing"

	"havn/dfu"
	"havn/firmware"
	"havn/update/guard"
)

func target(version string, size int) *firmware.Target {
	return firmware.NewTarget(firmware.Metadata{Version: version, Size: uint32(size), Digest: firmware.Digest{1, 2, 3}})
}

func statusOf(version string) *dfu.Status { return &dfu.Status{Version: []byte(version), MTU: 32} }

func updating(version, to string, offset uint32) *dfu.Status {
	st := statusOf(version)
	st.Updating, st.Update = true, dfu.Progress{Version: []byte(to), Offset: offset}
	return st
}

var wide = Limits{Payload: 1100, Write: 1024, Align: 4}

func TestDecide(t *testing.T) {
	const none = guard.ReasonNone
	want := target("v2", 102)
	named := firmware.NewTarget(firmware.Metadata{Version: "v2", Size: 102, Names: []string{"2.0.0"}})
	with := func(change func(*Limits)) Limits { l := wide; change(&l); return l }
	tests := []struct {
		name   string
		status *dfu.Status
		want   *firmware.Target
		limits Limits
		op     dfu.Op
		offset uint32
		length uint32
		reason guard.Reason
	}{
		{"nothing desired", statusOf("v1"), nil, wide, dfu.OpWait, 0, 0, none},
		{"runs the target", statusOf("v2"), want, wide, dfu.OpSync, 0, 0, none},
		{"runs the target under a learned name", statusOf("2.0.0"), named, wide, dfu.OpSync, 0, 0, none},
		{"sync wins over an update under way", updating("v2", "v1", 4), want, wide, dfu.OpSync, 0, 0, none},
		{"start", statusOf("v1"), want, wide, dfu.OpWrite, 0, 32, none},
		{"continue", updating("v1", "v2", 32), want, wide, dfu.OpWrite, 32, 32, none},
		{"whole words before the tail", updating("v1", "v2", 96), want, wide, dfu.OpWrite, 96, 4, none},
		{"tail", updating("v1", "v2", 100), want, wide, dfu.OpWrite, 100, 2, none},
		{"all written", updating("v1", "v2", 102), want, wide, dfu.OpSwap, 0, 0, none},
		{"beyond the end", updating("v1", "v2", 104), want, wide, dfu.OpWait, 0, 0, guard.ReasonBeyondEnd},
		{"inside a word", updating("v1", "v2", 30), want, wide, dfu.OpWait, 0, 0, guard.ReasonUnaligned},
		{"another update is started over", updating("v1", "v9", 64), want, wide, dfu.OpWrite, 0, 32, none},
		{"mtu 0 is none", &dfu.Status{Version: []byte("v1")}, want, wide, dfu.OpWrite, 0, 100, none},
		{"mtu of 32 bits", &dfu.Status{Version: []byte("v1"), MTU: 1<<32 - 1}, want, wide, dfu.OpWrite, 0, 100, none},
		{"mtu below a word", &dfu.Status{Version: []byte("v1"), MTU: 3}, want, wide,
			dfu.OpWait, 0, 0, guard.ReasonChunkTooSmall},
		{"link below a word", updating("v1", "v2", 32), want, with(func(l *Limits) { l.Payload = 12 }),
			dfu.OpWait, 0, 0, guard.ReasonChunkTooSmall},
		{"configured chunk", statusOf("v1"), want, with(func(l *Limits) { l.Write = 18 }), dfu.OpWrite, 0, 16, none},
		{"no alignment", statusOf("v1"), want, with(func(l *Limits) { l.Write, l.Align = 18, 1 }), dfu.OpWrite, 0, 18, none},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.status.CorrelationID = dfu.Some(7)
			d := Decide(tt.status, tt.want, tt.limits)
			if d.Command.Op != tt.op || d.Command.Offset != tt.offset || d.Length != tt.length || d.Reason != tt.reason {
				t.Errorf("got %v offset %d length %d reason %d, want %v %d %d %d", d.Command.Op, d.Command.Offset,
					d.Length, d.Reason, tt.op, tt.offset, tt.length, tt.reason)
			}
			if d.Command.CorrelationID != dfu.Some(7) {
				t.Errorf("correlation ID not echoed: %+v", d.Command.CorrelationID)
			}
		})
	}
}

// TestChunksReachTheEnd walks images of any size to the end with any limits,
// by the rules of a device that refuses a mixture of whole words and a tail.
func TestChunksReachTheEnd(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	for range 2000 {
		align := uint32(1) << rng.Intn(6)
		size, room := uint32(rng.Intn(5000)+1), align+uint32(rng.Intn(300))
		for left := size; left > 0; {
			n := chunk(left, room, align)
			if n == 0 || n > room || n > left {
				t.Fatalf("chunk(%d, %d, %d) = %d", left, room, align, n)
			}
			if n%align != 0 && (n > align || n != left) {
				t.Fatalf("chunk(%d, %d, %d) = %d: neither whole words nor the tail", left, room, align, n)
			}
			left -= n
		}
	}
}

// TestSessions replays whole updates of the reference implementation.
func TestSessions(t *testing.T) {
	for _, s := range readSessions(t) {
		t.Run(s.Name, func(t *testing.T) {
			image := unhex(t, s.Firmware)
			want := firmware.NewTarget(firmware.Metadata{
				Version: "0.1.1", Size: uint32(len(image)), Digest: sha256.Sum256(image),
			})
			limits, minimal := s.limits(t)
			for i, x := range s.Exchanges {
				st, err := dfu.ParseStatus(unhex(t, x.Status))
				if err != nil {
					t.Fatal(err)
				}
				d := Decide(&st, want, limits)
				if d.Command.Op == dfu.OpWrite {
					d.Command.Data = image[d.Command.Offset:][:d.Length]
				}
				checkCommand(t, i, d.Command, unhex(t, x.Command), minimal)
			}
		})
	}
}

func checkCommand(t *testing.T, i int, got dfu.Command, want []byte, minimal bool) {
	t.Helper()
	if b := got.Append(nil); minimal && !bytes.Equal(b, want) {
		t.Errorf("exchange %d: got %x, want %x", i, b, want)
	}
	ref, err := dfu.ParseCommand(want)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Append(nil), ref.Append(nil)) {
		t.Errorf("exchange %d: got %+v, want %+v", i, got, ref)
	}
}

type session struct {
	Name, Firmware string
	ServerArgs     []string `json:"server_args"`
	Exchanges      []struct{ Status, Command string }
}

// limits are those that the recorded server was started with.
func (s session) limits(t *testing.T) (l Limits, minimal bool) {
	l = Limits{Payload: 1100, Write: 1024, Align: 1}
	arg := func(name string) string {
		if i := slices.Index(s.ServerArgs, name); i >= 0 {
			return s.ServerArgs[i+1]
		}
		return ""
	}
	if v := arg("--frame-limit"); v != "" {
		l.Payload = number(t, v)
	}
	if v := arg("--align"); v != "" {
		l.Align = uint32(number(t, v))
	}
	return l, arg("--enc") == "minimal"
}

func number(t *testing.T, s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func readSessions(t *testing.T) []session {
	data, err := os.ReadFile("../dfu/testdata/update-protocol.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct{ Sessions []session }
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Sessions) != 4 {
		t.Fatalf("%d sessions, want 4", len(vectors.Sessions))
	}
	return vectors.Sessions
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What is transferred may be other bytes than the result: they end elsewhere, and
// the checksum of the Swap is that of the result.
func TestDecideOnATransfer(t *testing.T) {
	want := target("v2", 1000)
	want.Transfer = firmware.Transfer{Digest: firmware.Digest{9}, Size: 102}
	if d := Decide(updating("v1", "v2", 100), want, wide); d.Command.Op != dfu.OpWrite || d.Length != 2 {
		t.Errorf("at the tail: %v of %d bytes", d.Command.Op, d.Length)
	}
	d := Decide(updating("v1", "v2", 102), want, wide)
	if d.Command.Op != dfu.OpSwap || !bytes.Equal(d.Command.Checksum, want.Digest[:]) {
		t.Errorf("at the end: %v with checksum %x", d.Command.Op, d.Command.Checksum)
	}
}
