package update

import (
	"time"

	"havn/dfu"
	"havn/update/release"
)

// evictionSample is how many rows compete to leave a full table. Sampling
// keeps eviction cheap under a flood of invented names; the best of sixteen is
// close to the best of all.
const evictionSample = 16

// Lookup returns the row of a device, making one at first contact. The protocol
// is the name of the front that the device is heard on. Lookup does not allocate
// for a known device.
func (e *Engine) Lookup(protocol string, application, name []byte, now time.Time) *Row {
	e.rows.RLock()
	row := e.rows.m[dfu.Device{Application: string(application), Name: string(name)}]
	e.rows.RUnlock()
	if row == nil {
		row = e.insert(dfu.Device{Application: string(application), Name: string(name)}, now)
	}
	if e.protocols.name(row.protocol.Load()) != protocol {
		row.protocol.Store(e.protocols.number(protocol))
	}
	return row
}

// insert makes the row of a device that was not heard before.
func (e *Engine) insert(dev dfu.Device, now time.Time) *Row {
	row := &Row{device: dev, engine: e, seen: now}
	e.assignRow(row)
	e.rows.Lock()
	defer e.rows.Unlock()
	if known := e.rows.m[dev]; known != nil {
		return known
	}
	if len(e.rows.m) >= e.cfg.MaxDevices {
		e.evict()
	}
	e.rows.m[dev] = row
	return row
}

// evict removes one row: never-updated before updated, then the longest unseen.
// The caller holds the table.
func (e *Engine) evict() {
	var worst *Row
	var worstKept bool
	var worstSeen time.Time
	n := 0
	for _, row := range e.rows.m { // starts at a random place
		row.mu.Lock()
		kept, seen := row.worthKeeping(), row.seen
		row.mu.Unlock()
		if worst == nil || (worstKept && !kept) || (worstKept == kept && seen.Before(worstSeen)) {
			worst, worstKept, worstSeen = row, kept, seen
		}
		if n++; n == evictionSample {
			break
		}
	}
	if worst != nil {
		e.remove(worst)
		e.stats.EvictedRows.Add(1)
	}
}

// remove takes a row from the table and, at the next flush, from the store.
// The caller holds the table.
func (e *Engine) remove(row *Row) {
	delete(e.rows.m, row.device)
	row.mu.Lock()
	defer row.mu.Unlock()
	row.mark()
	row.dropped = true
}

// all returns the rows as they are now.
func (e *Engine) all() []*Row {
	e.rows.RLock()
	defer e.rows.RUnlock()
	rows := make([]*Row, 0, len(e.rows.m))
	for _, row := range e.rows.m {
		rows = append(rows, row)
	}
	return rows
}

// assignRow looks up what the row's device should run.
func (e *Engine) assignRow(row *Row) *release.Release {
	spec, err := e.desired.Desired(row.device)
	if err == nil {
		err = spec.Validate()
	}
	var rel *release.Release
	if err == nil {
		rel = e.releases.Of(row.device.Application, spec)
	}
	row.mu.Lock()
	defer row.mu.Unlock()
	row.release, row.desired = rel, err
	return rel
}
