package update

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"havn/fault"
	"havn/firmware"
	"havn/status"
	"havn/update/desired"
	"havn/update/guard"
	"havn/update/release"
)

// What to tell a device that writes a version which no source has.
const (
	InFlightWait    = "wait"    // until somebody reboots it: safe on every device
	InFlightRestart = "restart" // start the target at 0: only for devices that then reset their offset
)

// Config sets the engine's pace and bounds.
type Config struct {
	Poll            time.Duration `yaml:"poll"`              // how often an idle device asks
	Retry           time.Duration `yaml:"retry"`             // how soon a device asks again for what is being fetched
	MaxVersion      int           `yaml:"max_version"`       // longest version offered to CBOR devices, bytes
	UnknownInFlight string        `yaml:"unknown_in_flight"` // InFlightWait or InFlightRestart
	Abandon         time.Duration `yaml:"abandon"`           // how long an image in flight is kept for a silent device

	Pace       Pace          `yaml:"-"` // of what the Reporter is told
	Refresh    time.Duration `yaml:"-"` // how often tags and desired firmware are looked up again
	MaxDevices int           `yaml:"-"` // size of the device table
}

// A device can be told to wait for whole seconds; longer than a year is a mistake.
const (
	minWait = time.Second
	maxWait = 365 * 24 * time.Hour
)

// Validate returns what is wrong with the keys of c, none of which is left out.
func (c Config) Validate() (faults fault.List) {
	faults.Duration("poll", c.Poll, minWait, maxWait)
	faults.Duration("retry", c.Retry, minWait, maxWait)
	faults.Number("max_version", c.MaxVersion, 1, firmware.MaxVersion)
	faults.Choice("unknown_in_flight", c.UnknownInFlight, InFlightWait, InFlightRestart)
	faults.Positive("abandon", c.Abandon)
	return faults
}

// Stats counts what the engine did.
type Stats struct {
	EvictedRows, FlushFailures, ReportFailures atomic.Uint64
}

// Engine answers devices and keeps their rows. Its methods may be called
// concurrently.
type Engine struct {
	cfg      Config
	desired  *desired.Directory
	releases *release.Catalog
	guards   guard.Guards
	images   Images
	store    Store
	clock    func() time.Time
	started  time.Time
	log      *slog.Logger

	reporter status.Reporter // nil: nobody wants to know

	refreshes chan struct{} // asks for a sweep
	flushes   chan struct{} // asks for a flush before its time
	urgent    chan struct{} // asks for a flush now
	stats     Stats
	agenda    agenda
	protocols protocols

	flushing sync.Mutex
	unstored bool // the last step of the flusher failed
	failing  bool // the last Report failed

	rows  *table
	known known
}

// Parts are the engine's neighbours. Reporter, Clock and Log may be nil.
type Parts struct {
	Desired  *desired.Directory
	Source   firmware.Source
	Images   Images
	Store    Store
	Reporter status.Reporter
	Clock    func() time.Time
	Log      *slog.Logger
}

// New returns an engine with the rows and assignments of the store. It starts
// nothing; until Run, what is not held stays pending.
func New(cfg Config, p Parts) (*Engine, error) {
	e := &Engine{
		cfg: cfg, desired: p.Desired, images: p.Images, store: p.Store, reporter: p.Reporter, clock: p.Clock, log: p.Log,
		rows: newTable(), refreshes: make(chan struct{}, 1), flushes: make(chan struct{}, 1), urgent: make(chan struct{}, 1),
	}
	if e.clock == nil {
		e.clock = time.Now
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	gate, _ := p.Source.(firmware.Gate)
	e.guards = guard.New(gate)
	e.started = e.clock()
	var err error
	e.releases, err = release.Open(release.Config{Retry: cfg.Retry, Refresh: cfg.Refresh}, release.Parts{
		Source: p.Source, Images: p.Images, Store: p.Store, Moving: func() { e.flush(false) }, Clock: e.clock, Log: e.log,
	})
	if err != nil {
		return nil, err
	}
	return e, e.restore()
}

// restore loads what an earlier process stored.
func (e *Engine) restore() error {
	if err := e.desired.Restore(e.store); err != nil {
		return err
	}
	return e.store.LoadRows(func(rec Record) {
		row := e.rows.add(e.restoreRow(&rec))
		e.assignRow(row)
		if t := row.inFlight; t != nil {
			e.images.Retain(t.Transfer.Digest, e.abandoned(row.seen))
			e.releases.Load(t)
		}
	})
}

// Run does the background work until ctx ends: fetching, refreshing, storing.
// It returns when all of that has ended and the last rows are stored.
func (e *Engine) Run(ctx context.Context) error {
	var work sync.WaitGroup
	work.Go(func() { e.releases.Run(ctx) })
	work.Go(func() { e.sweepLoop(ctx) })
	e.flushLoop(ctx)
	work.Wait()
	e.Flush()
	e.Flush() // what the first one reported is no longer owed
	return nil
}

// Retry is how long a client should wait before it asks again for what is
// being fetched.
func (e *Engine) Retry() time.Duration { return e.cfg.Retry }

// Stats returns the engine's counters.
func (e *Engine) Stats() *Stats { return &e.stats }

// Releases returns the releases that the engine offers.
func (e *Engine) Releases() *release.Catalog { return e.releases }
