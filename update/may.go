package update

import (
	"havn/firmware"
	"havn/update/guard"
	"havn/update/row"
)

// says adds to f what the device says in this request: it runs version, and is in
// the middle of nothing.
func (e *Engine) says(r *row.Row, f *guard.Facts, version []byte) {
	f.Says, f.Runs = true, version
	if f.Delivered {
		m, ok := e.releases.Find(r.Device().Application, version)
		f.Known = ok && m.Digest != f.Target.Digest
	}
}

// followUp starts the job that a verdict asks for, if any. The caller holds the row.
func (e *Engine) followUp(r *row.Row, t *firmware.Target, version []byte, v guard.Verdict) {
	rel, _ := r.Release()
	if v.Answer == guard.Learn {
		rel.Learn(r.Device().Name, t, string(version))
	}
	if v.Answer == guard.Resolve {
		rel.Refresh()
	}
}
