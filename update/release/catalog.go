package release

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"havn/dfu"
	"havn/firmware"
)

// Config sets the pace of a Catalog.
type Config struct {
	Retry   time.Duration // pause after the first failed resolution; doubled up to 64 times after more
	Refresh time.Duration // how often Sweep is called: offered images are kept for twice as long
}

// Parts are the neighbours of a Catalog. All of them are needed.
type Parts struct {
	Source firmware.Source
	Images Images
	Store  Ledger
	// Moving is called before a target is replaced by another image. It stores the
	// transfers that began with the older one.
	Moving func()
	Clock  func() time.Time
	Log    *slog.Logger
}

// Images is the cache, as releases use it.
type Images interface {
	// Load brings an image into memory: from disk, else from its source.
	Load(ctx context.Context, m firmware.Metadata) (*firmware.Image, error)
	// Retain keeps an image on disk until then, at least.
	Retain(d firmware.Digest, until time.Time)
}

// Stats counts what a Catalog did.
type Stats struct {
	ResolveFailures, LearnedNames, DroppedJobs atomic.Uint64
}

// Catalog holds the releases of all applications, the ledger, and the jobs
// that resolve and load behind the device path. Its methods may be called
// concurrently.
type Catalog struct {
	cfg    Config
	source firmware.Source
	images Images
	moving func()
	clock  func() time.Time
	log    *slog.Logger

	ledger *ledger
	jobs   *jobs
	failed loadErrors
	known  known
	stats  Stats

	mu       sync.Mutex
	releases map[key]*Release
}

type key struct{ app, spec string }

// Open returns a catalog with the ledger of the store. It starts nothing; until
// Run, what is not held stays pending.
func Open(cfg Config, p Parts) (*Catalog, error) {
	c := &Catalog{
		cfg: cfg, source: p.Source, images: p.Images, moving: p.Moving, clock: p.Clock, log: p.Log,
		releases: map[key]*Release{}, known: known{targets: map[knownKey]*firmware.Target{}},
	}
	c.jobs = newJobs(&c.stats.DroppedJobs)
	var err error
	c.ledger, err = openLedger(p.Store)
	return c, err
}

// Run does the background work until ctx ends.
func (c *Catalog) Run(ctx context.Context) { c.jobs.run(ctx) }

// Stats returns the counters.
func (c *Catalog) Stats() *Stats { return &c.stats }

// Of returns the release of spec in an application. A new one starts to
// resolve, and offers at once what the spec resolved to before.
func (c *Catalog) Of(app string, spec firmware.Spec) *Release {
	k := key{app, spec.Key()}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.releases[k]
	if r == nil || r.spec.Always() != spec.Always() {
		r = &Release{catalog: c, app: app, spec: spec}
		c.releases[k] = r
		r.offerKnown()
		r.Refresh()
	}
	return r
}

// Find returns what a version of an application names in the ledger. It does
// not allocate.
func (c *Catalog) Find(app string, version []byte) (firmware.Metadata, bool) {
	return c.ledger.find(app, version)
}

// Check asks the source whether the device could run spec. An error means that
// it never can, or that the caller is gone: a source that is away is no error.
func (c *Catalog) Check(ctx context.Context, dev dfu.Device, spec firmware.Spec) error {
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := c.source.Resolve(patient, dev, spec)
	switch {
	case final(err) && !revoked(spec, err):
		return err
	case ctx.Err() != nil: // the caller takes it for refused
		return context.Cause(ctx)
	}
	return nil
}

// patience is how long Check waits for the source's opinion: a slow uplink
// answers in less, and an operator has 30 s.
const patience = 10 * time.Second

// Offer is an image that is offered to devices now.
type Offer struct {
	firmware.Metadata
	Reference string // the spec it was resolved from
}

// Offers lists what is offered to some application now.
func (c *Catalog) Offers() []Offer {
	c.mu.Lock()
	defer c.mu.Unlock()
	var offers []Offer
	for k, r := range c.releases {
		if t := r.Target(); t != nil {
			offers = append(offers, Offer{t.Blob(), k.spec})
		}
	}
	return offers
}

// Offered returns the target whose transferred bytes have a digest that begins
// with prefix, nil where none is offered.
func (c *Catalog) Offered(prefix []byte) *firmware.Target {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.releases {
		if t := r.Target(); t != nil && t.Transfer.Digest.HasPrefix(prefix) {
			return t
		}
	}
	return nil
}

// Sweep forgets the releases that are not in use, and resolves the others again.
func (c *Catalog) Sweep(used map[*Release]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, r := range c.releases {
		if !used[r] {
			delete(c.releases, k)
			continue
		}
		r.Refresh()
		if t := r.Target(); t != nil {
			c.retain(t)
		}
	}
}

func (c *Catalog) retain(t *firmware.Target) {
	c.images.Retain(t.Transfer.Digest, c.clock().Add(2*c.cfg.Refresh))
}
