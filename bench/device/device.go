package device

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"havn/coap/block"
	"havn/firmware"
)

// State is where a device stands between two rounds.
type State struct {
	Version string // runs
	Target  string // is being written; empty when none is
	Offset  uint32 // bytes of Target received
	Swaps   int    // images swapped to
	InSync  bool   // the last answer was that Version is the wanted one
	Idle    bool   // the last answer was to wait, or that nothing is desired
}

// Result is what Run did.
type Result struct {
	Version    string          `json:"version"` // runs now
	Digest     firmware.Digest `json:"digest"`  // runs; zero when it was there before
	Bytes      uint64          `json:"bytes"`   // of firmware received
	Chunks     uint64          `json:"chunks"`  // Writes or blocks accepted
	Duration   time.Duration   `json:"duration_ns"`
	Violations []Violation     `json:"violations"`
}

// Device is a microcontroller that updates itself. Run is called once at a
// time; the other methods may be called from anywhere, Progress included.
type Device struct {
	cfg   Config
	szx   block.SZX
	round func(ctx context.Context) (pause time.Duration, err error)

	moved firmware.Digest // of the manifest that the image did not belong to; used by Run

	mu         sync.Mutex
	state      State
	updating   bool   // state.Target is being written
	boots      int    // reboots; an answer to a question from before is lost
	flash      flash  // of a device made by New
	image      []byte // runs; nil when it was there before
	digest     firmware.Digest
	sentAs     string          // version of the last swap, whatever it reports now
	swapped    firmware.Digest // digest of the last swap
	bytes      uint64
	chunks     uint64
	violations []Violation
}

// New returns a device that follows the update protocol over t.
func New(cfg Config, t Transport) (*Device, error) {
	d, err := newDevice(cfg)
	if err != nil {
		return nil, err
	}
	d.round = func(ctx context.Context) (time.Duration, error) { return d.report(ctx, t) }
	return d, nil
}

// NewBlock returns a device that reads its manifest and fetches the image by
// Block2.
func NewBlock(cfg Config, c *CoAP) (*Device, error) {
	d, err := newDevice(cfg)
	if err != nil {
		return nil, err
	}
	d.round = func(ctx context.Context) (time.Duration, error) { return d.pull(ctx, c) }
	return d, nil
}

// Modes are the ways to update over CoAP.
const (
	ModeBlock = "block" // Block2 GET
	ModeWrite = "write" // Status and Write
)

// NewCoAP returns a device that updates over CoAP in one of the modes.
func NewCoAP(mode string, cfg Config, c *CoAP) (*Device, error) {
	switch mode {
	case ModeWrite:
		return New(cfg, c)
	case ModeBlock:
		return NewBlock(cfg, c)
	}
	return nil, fmt.Errorf("mode %q: want %s or %s", mode, ModeWrite, ModeBlock)
}

func newDevice(cfg Config) (*Device, error) {
	cfg = cfg.withDefaults()
	szx := block.ForSize(cfg.BlockSize)
	if szx.Size() != cfg.BlockSize {
		return nil, fmt.Errorf("block size %d: want 16, 32, 64 ... 1024", cfg.BlockSize)
	}
	return &Device{
		cfg: cfg, szx: szx,
		state: State{Version: cfg.Version},
		flash: flash{word: cfg.FlashWord, resetsOnStart: cfg.ResetOnStart},
	}, nil
}

// Sleep waits for d. Where ctx ends before, it returns the cause.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// Run asks the gateway and obeys until Config.Until is satisfied. It fails
// when ctx ends, or when the gateway refuses the device. The result says how far
// the device came, after a failure too.
func (d *Device) Run(ctx context.Context) (Result, error) {
	start := time.Now()
	for {
		pause, err := d.round(ctx)
		if err == nil && d.cfg.Until(d.State()) {
			return d.result(time.Since(start)), nil
		}
		if err == nil {
			err = d.pause(ctx, pause)
		}
		if err != nil {
			s := d.State()
			return d.result(time.Since(start)), fmt.Errorf(
				"device with version %q, %d bytes into %q: %w", s.Version, s.Offset, s.Target, err)
		}
	}
}

// RunStrictly runs the device, and fails also where the gateway broke a rule.
func (d *Device) RunStrictly(ctx context.Context) (Result, error) {
	result, err := d.Run(ctx)
	if err == nil && len(result.Violations) > 0 {
		err = fmt.Errorf("the gateway broke a rule: %w", result.Violations[0])
	}
	return result, err
}

func (d *Device) pause(ctx context.Context, pause time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if pause == 0 {
		return nil
	}
	return d.cfg.Sleep(ctx, pause)
}

// failed says how long to wait after err before asking again, or returns err
// when asking again is of no use.
func (d *Device) failed(ctx context.Context, err error) (time.Duration, error) {
	var code *CodeError
	var broken Violation
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case errors.As(err, &broken):
		d.record(broken)
	case errors.Is(err, net.ErrClosed), errors.Is(err, io.EOF), // no more connection
		errors.As(err, &code) && !code.passes():
		return 0, err
	case code != nil && code.MaxAge > 0:
		return code.MaxAge, nil
	}
	return d.cfg.Backoff, nil
}

// Reboot loses all that is in RAM: the update under way starts over.
func (d *Device) Reboot() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reboot()
}

func (d *Device) reboot() {
	d.boots++
	d.flash.forget()
	d.restart()
}

// restart sets the update under way to what the flash knows of it.
func (d *Device) restart() {
	d.updating = d.flash.started
	d.state.Target, d.state.Offset = d.flash.version, d.flash.offset
}

// boot swaps to an image that was sent as version and reboots.
func (d *Device) boot(version string, image []byte, digest firmware.Digest) {
	d.reboot()
	d.state.Swaps++
	d.sentAs, d.swapped = version, digest
	if d.cfg.RollBack {
		return
	}
	d.image, d.digest = image, digest
	d.state.Version = version
	if d.cfg.BootName != "" {
		d.state.Version = d.cfg.BootName
	}
}

// State returns where the device stands.
func (d *Device) State() State {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state
}

// Image returns the image the device has swapped to, nil before. It must not
// be changed.
func (d *Device) Image() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.image
}

// Violations returns what the gateway did wrong so far: the first 64.
func (d *Device) Violations() []Violation {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.violations)
}

func (d *Device) record(found ...Violation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.note(found...)
}

// note records with mu held.
func (d *Device) note(found ...Violation) {
	room := maxViolations - len(d.violations)
	d.violations = append(d.violations, found[:min(len(found), room)]...)
}

func (d *Device) result(took time.Duration) Result {
	d.mu.Lock()
	defer d.mu.Unlock()
	return Result{
		Version: d.state.Version, Digest: d.digest, Bytes: d.bytes, Chunks: d.chunks,
		Duration: took, Violations: append([]Violation{}, d.violations...),
	}
}

func (d *Device) progress(offset, size uint32) {
	if d.cfg.Progress != nil {
		d.cfg.Progress(offset, size)
	}
}

func sum(image []byte) firmware.Digest { return sha256.Sum256(image) }
