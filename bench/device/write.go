package device

import (
	"bytes"
	"context"
	"math"
	"time"

	"havn/dfu"
)

// maxPoll is the longest pause in seconds that 32 bits of milliseconds hold.
const maxPoll = math.MaxUint32 / 1000

// report sends a Status and obeys the Command.
func (d *Device) report(ctx context.Context, t Transport) (time.Duration, error) {
	status, boots := d.status()
	answer, err := t.Exchange(ctx, status)
	if err != nil {
		return d.failed(ctx, err)
	}
	d.record(answer.Violations...)
	cmd, err := dfu.ParseCommand(answer.Command)
	if err != nil {
		return d.failed(ctx, Broken(Undecodable, "%v", err))
	}
	pause, err := d.obey(cmd, boots)
	if err != nil {
		return d.failed(ctx, err)
	}
	if cmd.Op == dfu.OpWrite {
		d.progress(d.State().Offset, d.cfg.Size)
	}
	return pause, nil
}

// status encodes what the device tells of itself, and counts its boots so far.
func (d *Device) status() (status []byte, boots int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := dfu.Status{Version: []byte(d.state.Version), MTU: d.cfg.MTU}
	if d.updating {
		s.Updating = true
		s.Update = dfu.Progress{Version: []byte(d.state.Target), Offset: d.state.Offset}
	}
	return s.Append(nil), d.boots
}

// obey carries out a Command that answers a Status from after so many boots.
// It returns the pause before the next Status, or a Violation for what the
// device could not do.
func (d *Device) obey(cmd dfu.Command, boots int) (time.Duration, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if boots != d.boots {
		return 0, nil // the device that asked is no more
	}
	d.state.InSync, d.state.Idle = cmd.Op == dfu.OpSync, cmd.Op == dfu.OpWait
	switch cmd.Op {
	case dfu.OpWrite:
		return d.cfg.Pause, d.write(cmd)
	case dfu.OpSwap:
		return 0, d.swap(cmd)
	default: // Wait and Sync
		return d.poll(cmd.Poll)
	}
}

func (d *Device) poll(seconds uint32) (time.Duration, error) {
	switch {
	case seconds == 0:
		return d.cfg.Backoff, nil
	case seconds > maxPoll:
		return 0, Broken(PollOverflow, "%d s, want at most %d", seconds, maxPoll)
	}
	return time.Duration(seconds) * time.Second, nil
}

// write writes one block. After a failure the device goes on from where its
// flash is.
func (d *Device) write(cmd dfu.Command) error {
	n := uint32(len(cmd.Data))
	if n == 0 {
		return Broken(EmptyWrite, "at %d", cmd.Offset)
	}
	d.judge(cmd)
	if cmd.Offset == 0 {
		if err := d.start(string(cmd.Version)); err != nil {
			return err
		}
	}
	if err := d.flash.write(cmd.Offset, cmd.Data); err != nil {
		d.restart()
		return err
	}
	d.updating = true
	d.state.Target = string(cmd.Version)
	d.state.Offset += n
	d.bytes += uint64(n)
	d.chunks++
	return nil
}

// judge notes what a device does not notice in a Write but suffers from.
func (d *Device) judge(cmd dfu.Command) {
	version, n := string(cmd.Version), uint32(len(cmd.Data))
	if n > d.cfg.MTU {
		d.note(Broken(OverMTU, "%d bytes, the MTU is %d", n, d.cfg.MTU))
	}
	if end := uint64(cmd.Offset) + uint64(n); d.cfg.Size > 0 && end > uint64(d.cfg.Size) {
		d.note(Broken(Overrun, "Write to %d, the image has %d bytes", end, d.cfg.Size))
	}
	if !d.updating && d.state.Swaps > 0 && version == d.sentAs {
		d.note(Broken(SentAgain, "version %q after its swap", version))
	}
	if cmd.Offset > 0 || !d.cfg.ResetOnStart {
		d.sameVersion(cmd)
	}
}

// sameVersion notes a Command for another version than the one in the flash.
func (d *Device) sameVersion(cmd dfu.Command) {
	if version := string(cmd.Version); d.updating && version != d.state.Target {
		d.note(Broken(VersionChanged, "%v of %q, %d bytes into %q",
			cmd.Op, version, d.state.Offset, d.state.Target))
	}
}

func (d *Device) start(version string) error {
	if len(version) > maxVersion {
		d.reboot()
		return Broken(VersionTooLong, "%q has %d bytes, want at most %d",
			version, len(version), maxVersion)
	}
	d.flash.start(version)
	if d.cfg.ResetOnStart {
		d.state.Offset = 0
	}
	return nil
}

// swap boots what was written if it is what the checksum says, and else starts
// over.
func (d *Device) swap(cmd dfu.Command) error {
	offset := d.state.Offset
	if !d.updating || d.cfg.Size > 0 && offset < d.cfg.Size {
		return Broken(EarlySwap, "to %q after %d of %d bytes", cmd.Version, offset, d.cfg.Size)
	}
	d.sameVersion(cmd)
	image := d.flash.image(offset)
	digest := sum(image)
	if !bytes.Equal(cmd.Checksum, digest[:]) {
		d.reboot()
		return Broken(BadChecksum, "%x for %q, what was written has %x",
			cmd.Checksum, cmd.Version, digest[:])
	}
	d.boot(d.state.Target, image, digest)
	return nil
}
