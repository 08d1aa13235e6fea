package update

import (
	"time"

	"havn/firmware"
	"havn/update/guard"
)

// settle is how long after a delivery an old version is taken for a datagram
// that was on its way, not for a device that rolled back. A device needs longer
// to swap and boot twice; networks deliver sooner (RFC 7252 section 4.8.2
// allows 100 s, local links need none of it).
const settle = 30 * time.Second

// facts returns what guards are to know of the row and t, on any path. The
// caller holds the row.
func (e *Engine) facts(row *Row, t *firmware.Target, now time.Time) guard.Facts {
	f := guard.Facts{
		Target: t, Noted: row.reason, Delivered: row.sent.of(t), From: row.sent.from.String(), Booted: row.sent.booted,
		Settling: row.settling(t, now),
	}
	if row.release != nil {
		f.Desired, f.Spec, f.Stale = true, row.release.Spec(), row.release.Stale(now)
	}
	return f
}

// says adds to f that the device says that it runs version, and is in the middle
// of nothing.
func (e *Engine) says(row *Row, f *guard.Facts, version []byte) {
	f.Says, f.Runs = true, version
	if f.Delivered {
		m, ok := e.releases.Find(row.device().Application, version)
		f.Known = ok && m.Digest != f.Target.Digest
	}
}

// followUp has done what a verdict asks for besides to wait. The caller holds
// the row.
func (e *Engine) followUp(row *Row, t *firmware.Target, version []byte, v guard.Verdict) {
	if v.Answer == guard.Learn {
		row.release.Learn(row.device().Name, t, string(version))
	}
	if v.Answer == guard.Resolve {
		row.release.Refresh()
	}
}
