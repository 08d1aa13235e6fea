package device

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"havn/dfu"
)

var errScript = errors.New("end of the script")

// player is a Transport that gives recorded answers and keeps the Statuses.
type player struct {
	answers  [][]byte
	statuses [][]byte
	end      context.CancelCauseFunc
}

func (p *player) Exchange(_ context.Context, status []byte) (Answer, error) {
	p.statuses = append(p.statuses, slices.Clone(status))
	if len(p.answers) == 0 {
		p.end(errScript)
		return Answer{}, errScript
	}
	next := p.answers[0]
	p.answers = p.answers[1:]
	if next == nil {
		return Answer{}, ErrTimeout
	}
	return Answer{Command: next}, nil
}

// play lets a device obey the answers and returns what it is then.
func play(t *testing.T, cfg Config, answers ...[]byte) (*Device, *player) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(soon(t))
	defer cancel(nil)
	p := &player{answers: answers, end: cancel}
	if cfg.Sleep == nil {
		cfg.Sleep = impatient
	}
	d, err := New(cfg, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Run(ctx); err != nil && !errors.Is(err, errScript) {
		t.Errorf("Run: %v", err)
	}
	return d, p
}

func write(version string, offset uint32, data string) []byte {
	return dfu.Command{
		Op: dfu.OpWrite, Version: []byte(version), Offset: offset, Data: []byte(data),
	}.Append(nil)
}

func swap(version, image string) []byte {
	digest := sum([]byte(image))
	return dfu.Command{Op: dfu.OpSwap, Version: []byte(version), Checksum: digest[:]}.Append(nil)
}

func wait(poll uint32) []byte { return dfu.Command{Op: dfu.OpWait, Poll: poll}.Append(nil) }

func TestWriteViolations(t *testing.T) {
	const long = "seventeen-letters"
	tests := []struct {
		name    string
		cfg     Config
		answers [][]byte
		want    []Kind
		state   State
	}{
		{"none", Config{}, [][]byte{write("2", 0, "abcd"), write("2", 4, "ef"), swap("2", "abcdef")},
			nil, State{Version: "2", Swaps: 1}},
		{"wrong offset", Config{}, [][]byte{write("2", 0, "abcd"), write("2", 8, "efgh")},
			[]Kind{WrongOffset}, State{Version: "1", Target: "2", Offset: 4}},
		{"first write in the middle", Config{}, [][]byte{write("2", 8, "efgh")},
			[]Kind{WrongOffset}, State{Version: "1"}},
		{"first block twice", Config{},
			[][]byte{write("2", 0, "abcd"), write("2", 0, "abcd"), swap("2", "abcd")},
			[]Kind{WrongOffset, BadChecksum}, State{Version: "1"}},
		{"first block twice, offset reset", Config{ResetOnStart: true},
			[][]byte{write("2", 0, "abcd"), write("2", 0, "abcd"), swap("2", "abcd")},
			nil, State{Version: "2", Swaps: 1}},
		{"unaligned", Config{}, [][]byte{write("2", 0, "abcdef")},
			[]Kind{Unaligned}, State{Version: "1", Target: "2"}},
		{"word of one byte", Config{FlashWord: 1},
			[][]byte{write("2", 0, "abcdef"), swap("2", "abcdef")},
			nil, State{Version: "2", Swaps: 1}},
		{"after a padded block", Config{},
			[][]byte{write("2", 0, "abcd"), write("2", 4, "ef"), write("2", 6, "gh")},
			[]Kind{WrongOffset}, State{Version: "1", Target: "2", Offset: 8}},
		{"over MTU", Config{MTU: 4}, [][]byte{write("2", 0, "abcdefgh")},
			[]Kind{OverMTU}, State{Version: "1", Target: "2", Offset: 8}},
		{"empty write", Config{}, [][]byte{write("2", 0, "")}, []Kind{EmptyWrite}, State{Version: "1"}},
		{"beyond the image", Config{Size: 4}, [][]byte{write("2", 0, "abcdefgh")},
			[]Kind{Overrun}, State{Version: "1", Target: "2", Offset: 8}},
		{"version too long", Config{}, [][]byte{write(long, 0, "abcd")},
			[]Kind{VersionTooLong}, State{Version: "1"}},
		{"version changed", Config{}, [][]byte{write("2", 0, "abcd"), write("3", 4, "efgh")},
			[]Kind{VersionChanged}, State{Version: "1", Target: "3", Offset: 8}},
		{"version restarted", Config{}, [][]byte{write("2", 0, "abcd"), write("3", 0, "efgh")},
			[]Kind{VersionChanged, WrongOffset}, State{Version: "1", Target: "3", Offset: 4}},
		{"version restarted, offset reset", Config{ResetOnStart: true},
			[][]byte{write("2", 0, "abcd"), write("3", 0, "efgh"), swap("3", "efgh")},
			nil, State{Version: "3", Swaps: 1}},
		{"swap to another version", Config{}, [][]byte{write("2", 0, "abcd"), swap("3", "abcd")},
			[]Kind{VersionChanged}, State{Version: "2", Swaps: 1}},
		{"bad checksum", Config{}, [][]byte{write("2", 0, "abcd"), swap("2", "abce")},
			[]Kind{BadChecksum}, State{Version: "1"}},
		{"no checksum", Config{}, [][]byte{write("2", 0, "abcd"),
			dfu.Command{Op: dfu.OpSwap, Version: []byte("2")}.Append(nil)},
			[]Kind{BadChecksum}, State{Version: "1"}},
		{"early swap", Config{Size: 8}, [][]byte{write("2", 0, "abcd"), swap("2", "abcd")},
			[]Kind{EarlySwap}, State{Version: "1", Target: "2", Offset: 4}},
		{"swap out of nothing", Config{}, [][]byte{swap("2", "")},
			[]Kind{EarlySwap}, State{Version: "1"}},
		{"write after swap", Config{},
			[][]byte{write("2", 0, "abcd"), swap("2", "abcd"), write("2", 0, "abcd"), write("2", 4, "efgh")},
			[]Kind{SentAgain}, State{Version: "2", Target: "2", Offset: 8, Swaps: 1}},
		{"sent again under another name", Config{BootName: "2-dirty"},
			[][]byte{write("2", 0, "abcd"), swap("2", "abcd"), write("2", 0, "abcd")},
			[]Kind{SentAgain}, State{Version: "2-dirty", Target: "2", Offset: 4, Swaps: 1}},
		{"sent again after a rollback", Config{RollBack: true},
			[][]byte{write("2", 0, "abcd"), swap("2", "abcd"), write("2", 0, "abcd")},
			[]Kind{SentAgain}, State{Version: "1", Target: "2", Offset: 4, Swaps: 1}},
		{"poll overflow", Config{}, [][]byte{wait(maxPoll + 1)},
			[]Kind{PollOverflow}, State{Version: "1", Idle: true}},
		{"undecodable", Config{}, [][]byte{{}, {0xa1}, append(wait(0), 0)},
			[]Kind{Undecodable, Undecodable, Undecodable}, State{Version: "1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.Version = "1"
			d, _ := play(t, tt.cfg, tt.answers...)
			wantKinds(t, d.Violations(), tt.want...)
			if diff := cmp.Diff(tt.state, d.State()); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFlashIsBounded(t *testing.T) {
	f := flash{word: 4, offset: maxFlash - 4, area: nil}
	for _, block := range [][]byte{make([]byte, 8), make([]byte, 12)} {
		var v Violation
		if err := f.write(maxFlash-4, block); !errors.As(err, &v) || v.Kind != Overrun {
			t.Errorf("%d bytes at the end: %v", len(block), err)
		}
	}
}

func TestViolationsAreBounded(t *testing.T) {
	d, _ := play(t, Config{}, slices.Repeat([][]byte{{}}, 2*maxViolations)...)
	if n := len(d.Violations()); n != maxViolations {
		t.Errorf("%d violations are kept, want %d", n, maxViolations)
	}
}

func TestPauses(t *testing.T) {
	var slept []time.Duration
	cfg := Config{
		Pause: time.Millisecond, Backoff: time.Minute,
		Until: func(s State) bool { return false },
		Sleep: func(_ context.Context, d time.Duration) error { slept = append(slept, d); return nil },
	}
	sync := dfu.Command{Op: dfu.OpSync, Version: []byte("2"), Poll: 9}.Append(nil)
	play(t, cfg, nil, wait(0), wait(5), write("2", 0, "ab"), swap("2", "ab"), sync)
	want := []time.Duration{
		time.Minute, time.Minute, 5 * time.Second, time.Millisecond, 9 * time.Second,
	}
	if diff := cmp.Diff(want, slept); diff != "" {
		t.Errorf("pauses (-want +got):\n%s", diff)
	}
}

func TestTimeoutRepeatsTheStatus(t *testing.T) {
	_, p := play(t, Config{Version: "1"}, write("2", 0, "abcd"), nil, nil)
	if len(p.statuses) != 4 {
		t.Fatalf("%d statuses", len(p.statuses))
	}
	for _, status := range p.statuses[2:] {
		if !bytes.Equal(status, p.statuses[1]) {
			t.Errorf("sent %x after a timeout, %x before", status, p.statuses[1])
		}
	}
}

// late reboots the device while its answer is on the way.
type late struct {
	*player
	device *Device
}

func (l late) Exchange(ctx context.Context, status []byte) (Answer, error) {
	answer, err := l.player.Exchange(ctx, status)
	l.device.Reboot()
	return answer, err
}

func TestAnswerToARebootedDeviceIsLost(t *testing.T) {
	ctx, cancel := context.WithCancelCause(soon(t))
	defer cancel(nil)
	l := late{player: &player{answers: [][]byte{write("2", 0, "abcd")}, end: cancel}, device: nil}
	d, err := New(Config{Version: "1"}, &l)
	if err != nil {
		t.Fatal(err)
	}
	l.device = d
	if r, err := d.Run(ctx); !errors.Is(err, errScript) || r.Bytes != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// session is a recorded update of a real device.
type session struct {
	Name      string
	Firmware  string
	Exchanges []struct{ Status, Command string }
}

func TestRecordedSessions(t *testing.T) {
	raw, err := os.ReadFile("../../dfu/testdata/update-protocol.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct{ Sessions []session }
	if err := json.Unmarshal(raw, &vectors); err != nil || len(vectors.Sessions) == 0 {
		t.Fatalf("%d sessions, %v", len(vectors.Sessions), err)
	}
	for _, s := range vectors.Sessions {
		t.Run(s.Name, func(t *testing.T) { replay(t, s) })
	}
}

func replay(t *testing.T, s session) {
	var statuses, commands [][]byte
	for _, x := range s.Exchanges {
		statuses = append(statuses, unhex(t, x.Status))
		commands = append(commands, unhex(t, x.Command))
	}
	first, err := dfu.ParseStatus(statuses[0])
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Version: string(first.Version), MTU: first.MTU, FlashWord: 1}
	if strings.Contains(s.Name, "manager") { // the device with flash words of 4 bytes
		cfg.FlashWord = 4
	}
	d, p := play(t, cfg, commands...)
	wantKinds(t, d.Violations())
	if !bytes.Equal(d.Image(), unhex(t, s.Firmware)) {
		t.Errorf("image %x", d.Image())
	}
	if diff := cmp.Diff(meanings(t, statuses), meanings(t, p.statuses)); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

// meanings is what statuses say. Packed ones, as this device sends them, are
// taken to the byte; named ones by their content.
func meanings(t *testing.T, statuses [][]byte) (all []string) {
	t.Helper()
	for _, b := range statuses {
		st, err := dfu.ParseStatus(b)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%x", st.Append(nil)))
	}
	return all
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
