package row

import (
	"context"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/metric"
	"havn/status"
	"havn/update/agenda"
	"havn/update/intern"
	"havn/update/release"
)

// Config sets the bounds of a Table and its pace.
type Config struct {
	Max     int           // rows
	Abandon time.Duration // how long an image in flight is kept for a silent device
	Pace    Pace          // of what the Reporter is told
}

// Parts are the neighbours of a Table. Reporter may be nil: nobody wants to know.
type Parts struct {
	Desired  firmware.Directory
	Releases *release.Catalog
	Images   Images
	Store    Store
	Reporter status.Reporter
	Clock    func() time.Time
	Log      *slog.Logger
}

// Images is the cache, as rows use it.
type Images interface {
	// Retain keeps an image on disk until then, at least.
	Retain(d firmware.Digest, until time.Time)
}

// Stats counts what a Table did.
type Stats struct {
	EvictedRows, FlushFailures, ReportFailures atomic.Uint64
}

// Metrics describes the counters.
func (s *Stats) Metrics() []metric.Metric {
	return []metric.Metric{
		metric.Counter("devices_evicted_total", "Rows dropped because the device table was full.", s.EvictedRows.Load()),
		metric.Counter("store_failures_total", "Writes of device rows that failed and were repeated.",
			s.FlushFailures.Load()),
		metric.Counter("report_failures_total", "Reports to the upstream that the spool did not take and that were repeated.",
			s.ReportFailures.Load()),
	}
}

// Table is the rows of all devices. Its methods may be called concurrently.
type Table struct {
	cfg      Config
	desired  firmware.Directory
	releases *release.Catalog
	images   Images
	store    Store
	reporter status.Reporter // nil: nobody wants to know
	clock    func() time.Time
	started  time.Time
	log      *slog.Logger

	index     *index
	agenda    agenda.Agenda[Row, *Row]
	protocols intern.Names
	stats     Stats

	flushes chan struct{} // asks for a flush before its time
	urgent  chan struct{} // asks for a flush now

	flushing          sync.Mutex // one step of the flusher at a time
	unstored, failing bool       // the last step of the flusher failed; the last Report did
	records           []Record   // of the last step: their room is used again
}

// Open returns a table with the rows of the store. It starts nothing.
func Open(cfg Config, p Parts) (*Table, error) {
	t := &Table{
		cfg: cfg, desired: p.Desired, releases: p.Releases, images: p.Images, store: p.Store, reporter: p.Reporter,
		clock: p.Clock, started: p.Clock(), log: p.Log, index: newIndex(),
		flushes: make(chan struct{}, 1), urgent: make(chan struct{}, 1),
	}
	return t, t.store.LoadRows(func(rec Record) {
		row := t.index.add(t.restoreRow(&rec))
		t.Assign(row)
		if of := row.inFlight; of != nil {
			t.images.Retain(of.Transfer.Digest, t.abandoned(row.seen))
			t.releases.Load(of)
		}
	})
}

// Run stores rows and tells the Reporter, until ctx ends.
func (t *Table) Run(ctx context.Context) { t.flushLoop(ctx) }

// Stats returns the counters.
func (t *Table) Stats() *Stats { return &t.stats }

// evictionSample is how many rows compete to leave a full table. Sampling
// keeps eviction cheap under a flood of invented names; the best of sixteen is
// close to the best of all.
const evictionSample = 16

// Lookup returns the row of a device, making one at first contact. The protocol
// is the name of the front that the device is heard on. Lookup does not allocate
// for a known device.
func (t *Table) Lookup(protocol string, application, name []byte, now time.Time) *Row {
	row := t.index.find(application, name)
	if row == nil {
		row = t.insert(dfu.Device{Application: string(application), Name: string(name)}, now)
	}
	if t.protocols.Name(row.protocol.Load()) != protocol {
		row.protocol.Store(t.protocols.Number(protocol))
	}
	return row
}

// newRow returns the row of a device that was not heard yet.
func (t *Table) newRow(dev dfu.Device) *Row {
	return &Row{table: t, application: intern.Of(dev.Application), name: dev.Name, due: agenda.Never}
}

// insert makes the row of a device that was not heard before.
func (t *Table) insert(dev dfu.Device, now time.Time) *Row {
	row := t.newRow(dev)
	row.Heard(now)
	t.Assign(row)
	for range 2 { // a table that is to be smaller than it was shrinks bit by bit
		if t.index.count.Load() >= int64(t.cfg.Max) {
			t.evict()
		}
	}
	return t.index.add(row)
}

// evict removes one row: never-updated before updated, then the longest unseen.
func (t *Table) evict() {
	var worst *Row
	var worstKept bool
	var worstSeen int64
	for _, row := range t.index.sample(evictionSample) {
		row.mu.Lock()
		kept, seen := row.worthKeeping(), row.seen
		row.mu.Unlock()
		if worst == nil || (worstKept && !kept) || (worstKept == kept && seen < worstSeen) {
			worst, worstKept, worstSeen = row, kept, seen
		}
	}
	if worst != nil && t.Remove(worst) {
		t.stats.EvictedRows.Add(1)
	}
}

// Remove takes a row from the table and, at the next flush, from the store. It
// reports whether the row was in the table.
func (t *Table) Remove(row *Row) bool {
	if !t.index.remove(row) {
		return false
	}
	row.mu.Lock()
	defer row.mu.Unlock()
	row.mark()
	row.dropped = true
	return true
}

// Row returns the row of a device, nil if it was never heard.
func (t *Table) Row(dev dfu.Device) *Row { return t.index.row(dev) }

// All walks over the rows, in no order. Between two parts of the table it lets
// others run, so that answers do not wait for the walk.
func (t *Table) All() iter.Seq[*Row] { return t.index.all() }

// Assign looks up what the row's device should run, and returns that, nil for
// nothing.
func (t *Table) Assign(row *Row) *release.Release {
	spec, err := t.desired.Desired(row.Device())
	if err == nil {
		err = spec.Validate()
	}
	var rel *release.Release
	if err == nil {
		rel = t.releases.Of(row.Device().Application, spec)
	}
	row.mu.Lock()
	defer row.mu.Unlock()
	row.release, row.desired = rel, err
	return rel
}
