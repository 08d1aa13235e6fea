package update

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"havn/fault"
	"havn/firmware"
	"havn/status"
	"havn/update/desired"
	"havn/update/guard"
	"havn/update/release"
	"havn/update/row"
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

	Pace       row.Pace      `yaml:"-"` // of what the Reporter is told
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

// Engine answers devices. Its methods may be called concurrently.
type Engine struct {
	cfg      Config
	desired  *desired.Directory
	releases *release.Catalog
	rows     *row.Table
	guards   guard.Guards
	images   Images
	clock    func() time.Time
	started  time.Time

	refreshes chan struct{} // asks for a sweep
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
	if p.Clock == nil {
		p.Clock = time.Now
	}
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	gate, _ := p.Source.(firmware.Gate)
	e := &Engine{
		cfg: cfg, desired: p.Desired, images: p.Images, guards: guard.New(gate), clock: p.Clock, started: p.Clock(),
		refreshes: make(chan struct{}, 1),
	}
	return e, e.open(p)
}

// open loads what an earlier process stored: what is assigned, what was offered,
// and the rows, in this order.
func (e *Engine) open(p Parts) (err error) {
	if err = e.desired.Restore(p.Store); err != nil {
		return err
	}
	e.releases, err = release.Open(release.Config{Retry: e.cfg.Retry, Refresh: e.cfg.Refresh}, release.Parts{
		Source: p.Source, Images: p.Images, Store: p.Store, Clock: p.Clock, Log: p.Log,
		Moving: func() { e.rows.Store(false) },
	})
	if err != nil {
		return err
	}
	e.rows, err = row.Open(row.Config{Max: e.cfg.MaxDevices, Abandon: e.cfg.Abandon, Pace: e.cfg.Pace}, row.Parts{
		Desired: p.Desired, Releases: e.releases, Images: p.Images, Store: p.Store, Reporter: p.Reporter,
		Clock: p.Clock, Log: p.Log,
	})
	return err
}

// Run does the background work until ctx ends: fetching, refreshing, storing.
// It returns when all of that has ended and the last rows are stored.
func (e *Engine) Run(ctx context.Context) error {
	var work sync.WaitGroup
	work.Go(func() { e.releases.Run(ctx) })
	work.Go(func() { e.sweepLoop(ctx) })
	e.rows.Run(ctx)
	work.Wait()
	e.rows.Flush()
	e.rows.Flush() // what the first one reported is no longer owed
	return nil
}

// Retry is how long a client should wait before it asks again for what is
// being fetched.
func (e *Engine) Retry() time.Duration { return e.cfg.Retry }

// Releases returns the releases that the engine offers.
func (e *Engine) Releases() *release.Catalog { return e.releases }

// Rows returns the rows of all devices.
func (e *Engine) Rows() *row.Table { return e.rows }

// Lookup returns the row of a device, making one at first contact. The protocol
// is the name of the front that the device is heard on. Lookup does not allocate
// for a known device.
func (e *Engine) Lookup(protocol string, application, name []byte, now time.Time) *row.Row {
	return e.rows.Lookup(protocol, application, name, now)
}
