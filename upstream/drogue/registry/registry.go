package registry

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/upstream/drogue"
	"havn/upstream/drogue/registry/rest"
)

// maxQuestions bounds the devices that wait to be asked for. One that finds no
// room is asked for when the engine next looks it up.
const maxQuestions = 4096

// Store keeps what the registry last said, as JSON by key.
type Store interface {
	// Load returns nil where nothing is stored.
	Load(key string) ([]byte, error)
	Save(key string, value []byte) error
}

// Parts are a Registry's neighbours. All but Store may be left out.
type Parts struct {
	Store Store
	Kinds firmware.Kinds // of sources: what spec.firmware may name
	// Changed is told of each device whose desired firmware is another now. It
	// is called without locks, by Run and Publish, and must not block.
	Changed func(dfu.Device)
	// MaxDevices bounds the devices kept; 0 = 100 000.
	MaxDevices int
	Clock      func() time.Time
	Log        *slog.Logger
}

// Stats counts what the registry client did.
type Stats struct {
	Refreshes        atomic.Uint64 // applications read again
	Events           atomic.Uint64 // registry events received
	BadEvents        atomic.Uint64 // events that could not be read
	DroppedQuestions atomic.Uint64 // devices not asked for: no room
	StatusWrites     atomic.Uint64 // status.firmware written
	Conflicts        atomic.Uint64 // writes repeated since somebody else wrote first
	Away             atomic.Bool   // the registry does not answer
}

// Registry is the [firmware.Directory] over Drogue Cloud's device registry, and
// the upstream.Publisher that writes status.firmware there.
// Its methods may be called concurrently.
type Registry struct {
	client  *rest.Client
	cfg     drogue.RegistryConfig
	store   Store
	kinds   firmware.Kinds
	changed func(dfu.Device)
	max     int
	clock   func() time.Time
	log     *slog.Logger
	wake    chan struct{} // something is to be asked now
	events  *integration  // nil: not configured
	outage  *outage
	stats   Stats

	mu    sync.RWMutex
	apps  map[string]*application
	names int  // devices of all applications
	open  int  // questions of all applications
	index bool // the list of applications differs from what is stored
}

var _ firmware.Directory = (*Registry)(nil)

// New returns the directory with what the store holds. It asks nothing
// until Run.
func New(cfg drogue.Config, p Parts) (*Registry, error) {
	client, err := rest.New(cfg.Registry)
	if err != nil {
		return nil, err
	}
	r := &Registry{
		client: client, cfg: cfg.Registry, store: p.Store, kinds: p.Kinds, changed: p.Changed, max: p.MaxDevices,
		clock: p.Clock, log: p.Log, wake: make(chan struct{}, 1), apps: map[string]*application{},
	}
	r.setDefaults()
	r.outage = newOutage(r.log, "device registry of Drogue Cloud", &r.stats.Away)
	if cfg.Integration.URL != "" {
		if r.events, err = newIntegration(cfg.Integration, r); err != nil {
			return nil, err
		}
	}
	r.restore()
	return r, nil
}

func (r *Registry) setDefaults() {
	if r.changed == nil {
		r.changed = func(dfu.Device) {}
	}
	if r.max == 0 {
		r.max = 100_000
	}
	if r.clock == nil {
		r.clock = time.Now
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
}

// Stats returns the counters.
func (r *Registry) Stats() *Stats { return &r.stats }

// Desired implements firmware.Directory. It returns ErrPending for a device
// that was not asked for yet, ErrNotFound where the registry has no firmware
// for it, ErrInvalid for a section that does not parse, and firmware.ErrDenied
// where our account may not read the application.
func (r *Registry) Desired(dev dfu.Device) (firmware.Spec, error) {
	if !possible(dev.Application) || !possible(dev.Name) {
		return none("device " + dev.String())
	}
	r.mu.RLock()
	app := r.apps[dev.Application]
	if app == nil {
		r.mu.RUnlock()
		r.ask(dev)
		return firmware.Spec{}, firmware.ErrPending
	}
	spec, err := app.desired(dev.Name)
	now := r.clock().Unix()
	app.asked.Store(now)
	if d := app.devices[dev.Name]; d != nil {
		d.asked.Store(now)
	}
	r.mu.RUnlock()
	if errors.Is(err, firmware.ErrPending) {
		r.ask(dev)
	}
	return spec, err
}

// possible reports whether the registry can have something of this name. The
// others are no names for a path either.
func possible(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= 255
}

// Retry implements upstream.Session. It reads everything again now, even while the
// registry is taken to be away.
func (r *Registry) Retry() {
	r.mu.Lock()
	for _, app := range r.apps {
		app.due, app.rounds = time.Time{}, 0
	}
	r.mu.Unlock()
	r.outage.forgive()
	r.poke()
	if r.events != nil {
		r.events.client.Retry()
	}
}

func (r *Registry) poke() {
	select {
	case r.wake <- struct{}{}:
	default: // it is awake
	}
}

// ask queues a question.
func (r *Registry) ask(dev dfu.Device) {
	r.mu.Lock()
	defer r.mu.Unlock()
	app := r.apps[dev.Application]
	if app != nil && app.questions[dev.Name] {
		return
	}
	if r.open >= maxQuestions || r.full() {
		r.stats.DroppedQuestions.Add(1)
		return
	}
	if app == nil {
		app = newApplication(dev.Application)
		app.asked.Store(r.clock().Unix())
		r.apps[dev.Application], r.index = app, true
	}
	r.question(app, dev.Name)
}

// full reports whether no more names are taken. The caller holds mu.
func (r *Registry) full() bool { return r.names+r.open+len(r.apps) >= r.max }

// question notes that a device is to be asked for. The caller holds mu.
func (r *Registry) question(app *application, name string) {
	if !app.questions[name] {
		app.questions[name] = true
		r.open++
	}
	r.poke()
}

// note stores an answer and reports whether it is news. The caller holds mu.
func (r *Registry) note(app *application, name string, next answer) bool {
	d, known := app.devices[name]
	if !known {
		d = new(device)
		app.devices[name] = d
		r.names++
	}
	if r.answered(app, name) {
		d.asked.Store(r.clock().Unix())
	}
	if known && d.same(next) {
		return false
	}
	d.answer, app.dirty = next, true
	return true
}

// answered takes a question off the queue, and reports whether it was there.
// The caller holds mu.
func (r *Registry) answered(app *application, name string) bool {
	if !app.questions[name] {
		return false
	}
	delete(app.questions, name)
	r.open--
	return true
}

// learn stores what the registry said about devices and tells of the news.
func (r *Registry) learn(app *application, answers map[string]answer) {
	var news []string
	r.mu.Lock()
	for name, next := range answers {
		if r.note(app, name, next) {
			news = append(news, name)
		}
	}
	r.mu.Unlock()
	r.tell(app.name, news)
}

func (r *Registry) tell(application string, names []string) {
	for _, name := range names {
		r.changed(dfu.Device{Application: application, Name: name})
	}
}

// learnApplication stores what the registry said about an application.
func (r *Registry) learnApplication(app *application, next answer) {
	var news []string
	r.mu.Lock()
	app.refused = nil
	if !app.own.same(next) {
		news = app.heirs()
		if app.own.Missing != next.Missing {
			news = app.all()
		}
		app.own, app.dirty = next, true
	}
	r.mu.Unlock()
	r.tell(app.name, news)
}

// refuse notes that our account may not read an application. Devices that are
// known stay as they are; the others wait for the operator, not in the queue.
func (r *Registry) refuse(app *application, err error) {
	r.mu.Lock()
	first := app.refused == nil
	app.refused = fmt.Errorf("application %s: %w: %w", app.name, firmware.ErrDenied, err)
	var news []string
	for name := range app.questions {
		news = append(news, name)
	}
	r.open -= len(app.questions)
	clear(app.questions)
	r.mu.Unlock()
	if first {
		r.log.Error("desired firmware cannot be read; devices known before keep theirs",
			slog.String("application", app.name), slog.Any("error", err))
	}
	r.tell(app.name, news)
}

// all lists the devices answered.
func (a *application) all() (names []string) {
	for name := range a.devices {
		names = append(names, name)
	}
	return names
}
