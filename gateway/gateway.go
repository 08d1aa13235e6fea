package gateway

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"havn/cache"
	"havn/firmware"
	"havn/front"
	"havn/gateway/admin"
	"havn/gateway/config"
	"havn/metric"
	"havn/store"
	"havn/telemetry"
	"havn/update"
	"havn/update/desired"
	"havn/upstream"
	"havn/upstream/spool"
)

// LocalFile is one firmware file served to every device that asks.
type LocalFile struct {
	Path    string
	Version string
}

// localName is the name under which the file source knows a LocalFile.
const localName = "command-line"

// Gateway is the running system.
type Gateway struct {
	cfg   config.Config
	local []desired.Rule // for the LocalFile, after those of the configuration
	log   *slog.Logger

	store      *store.Store
	sources    firmware.Sources
	cache      *cache.Cache
	inbox      *telemetry.Inbox
	directory  firmware.Directory // nil: the cloud desires nothing
	publishers []upstream.Publisher
	spool      *spool.Spool        // nil: no publishers
	forwarder  *upstream.Forwarder // nil: no publishers
	desired    *desired.Directory
	engine     *update.Engine
	fronts     []front.Front // that are on
	admin      *admin.Server // nil: off

	meters  []metric.Meter               // all that count, but for the fronts
	reloads []func(*config.Config) error // one per server: takes over what may change while it runs
	runs    []func(context.Context) error
	closes  []func() // release what New opened, in the order of opening
	ready   atomic.Bool
}

// New opens the state and binds the sockets of cfg. A non-nil local is served
// to all devices for which the configuration has nothing better.
func New(cfg config.Config, local *LocalFile, log *slog.Logger) (*Gateway, error) {
	g := &Gateway{cfg: cfg, log: log, sources: firmware.Sources{}, inbox: telemetry.NewInbox(log)}
	g.meters = append(g.meters, g.inbox)
	for _, open := range []func() error{
		g.openStore,
		g.openRegistries, func() error { return g.openFiles(local) }, g.openHawkbit,
		g.openCache,
		g.openEndpoints, g.openRegistry, g.openEventFile,
		g.openForwarder,
		g.openEngine,
		g.openFronts,
		g.openAdmin,
	} {
		if err := open(); err != nil {
			g.Close()
			return nil, err
		}
	}
	return g, nil
}

func (g *Gateway) openStore() (err error) {
	if g.store, err = store.Open(g.cfg.Data, Kinds); err != nil {
		return err
	}
	g.closes = append(g.closes, func() { _ = g.store.Close() })
	if copied := g.store.Migrated(); copied != "" {
		g.log.Info("the state of an earlier version was migrated; to go back, put the copy in its place",
			slog.String("copy", copied))
	}
	return nil
}

func (g *Gateway) openCache() (err error) {
	cfg := g.cfg.Cache
	cfg.Dir, cfg.Retry = filepath.Join(g.cfg.Data, "cache"), g.cfg.Update.Retry
	if g.cache, err = cache.New(cfg, g.sources, time.Now, g.log); err != nil {
		return err
	}
	g.meters = append(g.meters, g.cache)
	g.runs, g.closes = append(g.runs, g.cache.Run), append(g.closes, g.cache.Close)
	return nil
}

// openEngine makes the engine over everything else.
func (g *Gateway) openEngine() (err error) {
	cfg := g.cfg.Update
	cfg.Refresh, cfg.MaxDevices, cfg.Pace = g.cfg.Firmware.Refresh, g.cfg.Devices.Max, g.cfg.Upstream.Forward
	g.desired = desired.New(g.rules(g.cfg), g.directory)
	parts := update.Parts{Desired: g.desired, Source: g.sources, Images: g.cache, Store: g.store, Log: g.log}
	if g.forwarder != nil {
		parts.Reporter = g.forwarder
	}
	if g.engine, err = update.New(cfg, parts); err != nil {
		return err
	}
	if g.spool != nil && g.spool.Fresh() {
		g.engine.Rows().ReportAll() // the upstream never heard how things stand
	}
	g.meters, g.runs = append(g.meters, g.engine), append(g.runs, g.engine.Run)
	return nil
}

// rules returns what cfg desires, and then the local file for all others.
func (g *Gateway) rules(cfg config.Config) []desired.Rule {
	return slices.Concat(cfg.Firmware.Rules(), g.local)
}

func (g *Gateway) openAdmin() (err error) {
	if g.cfg.Admin.Listen == "" {
		return nil
	}
	g.admin, err = admin.Listen(g.cfg.Admin, admin.Parts{
		Kinds: Kinds, Engine: g.engine, Cache: g.cache, Fronts: g.fronts,
		Forwarder: g.forwarder, Spool: g.spool, Meters: g.meters,
		Refresh: g.refresh, Ready: g.ready.Load, Log: g.log,
	})
	if err == nil {
		g.reloads = append(g.reloads, func(*config.Config) error { return g.admin.Reload() })
		g.runs, g.closes = append(g.runs, g.admin.Run), append(g.closes, g.admin.Close)
	}
	return err
}

// AdminURL returns the base of the admin HTTP, empty when it is off.
func (g *Gateway) AdminURL() string {
	if g.admin == nil {
		return ""
	}
	return g.admin.URL()
}

// Engine returns the update engine.
func (g *Gateway) Engine() *update.Engine { return g.engine }

// Run serves until ctx ends or a part fails, and returns when all parts have
// ended and the state is stored. It must be called at most once.
func (g *Gateway) Run(ctx context.Context) error {
	defer g.Close()
	parts, ctx := errgroup.WithContext(ctx)
	for _, run := range g.runs {
		parts.Go(func() error { return run(ctx) })
	}
	g.ready.Store(true)
	defer g.ready.Store(false)
	if err := parts.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// Close releases what New opened. Run does it too.
func (g *Gateway) Close() {
	for _, release := range slices.Backward(g.closes) {
		release()
	}
}

// refresh looks up anew what devices should run and what tags stand for, and
// repeats what upstreams have not taken.
func (g *Gateway) refresh() {
	if g.forwarder != nil {
		g.forwarder.Retry()
		g.reportAgain()
	}
	g.engine.Refresh()
}

// Reload takes over what may change while devices are served: the rules of desired
// firmware, the chunk sizes of fronts, and the certificates of servers. Credentials are
// read from their files anyway. A front that refuses its part keeps what it has, and
// then the rules stay too.
func (g *Gateway) Reload(cfg config.Config) error {
	var errs []error
	for _, reload := range g.reloads {
		errs = append(errs, reload(&cfg))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	g.desired.SetRules(g.rules(cfg))
	g.refresh()
	return nil
}
