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
	"havn/dfu"
	"havn/firmware"
	"havn/front"
	"havn/gateway/admin"
	"havn/gateway/config"
	"havn/metric"
	"havn/store"
	"havn/update"
	"havn/update/desired"
	"havn/upstream/file"
	"havn/upstream/hawkbit"
	"havn/upstream/oci"
)

// kinds are the kinds of firmware source: what a spec may name.
var kinds = firmware.Kinds{oci.Kind, file.Kind, hawkbit.Kind}

// LocalFile is one firmware file served to every device that asks.
type LocalFile struct {
	Path    string
	Version string
}

// localName is the name under which the file source knows a LocalFile.
const localName = "command-line"

// Gateway is the running system.
type Gateway struct {
	cfg        config.Config
	local      []desired.Rule // for the LocalFile, after those of the configuration
	log        *slog.Logger
	store      *store.Store
	cache      *cache.Cache
	desired    *desired.Directory
	engine     *update.Engine
	fronts     []front.Front                // that are on
	reloads    []func(*config.Config) error // one per server: takes over what may change while it runs
	registries *oci.Source
	hawkbit    *hawkbit.Source // nil: none
	cloud      cloud
	admin      *admin.Server // nil: off
	ready      atomic.Bool
}

// New opens the state and binds the sockets of cfg. A non-nil local is served
// to all devices for which the configuration has nothing better.
func New(cfg config.Config, local *LocalFile, log *slog.Logger) (_ *Gateway, err error) {
	g := &Gateway{cfg: cfg, log: log}
	defer func() {
		if err != nil {
			g.Close()
		}
	}()
	if g.store, err = store.Open(cfg.Data, kinds); err != nil {
		return nil, err
	}
	if copied := g.store.Migrated(); copied != "" {
		log.Info("the state of an earlier version was migrated; to go back, put the copy in its place",
			slog.String("copy", copied))
	}
	source, err := g.sources(local)
	if err != nil {
		return nil, err
	}
	cacheConfig := cfg.Cache
	cacheConfig.Dir, cacheConfig.Retry = filepath.Join(cfg.Data, "cache"), cfg.Update.Retry
	if g.cache, err = cache.New(cacheConfig, source, time.Now, log); err != nil {
		return nil, err
	}
	if err := g.openCloud(); err != nil {
		return nil, err
	}
	if err := g.openEngine(source); err != nil {
		return nil, err
	}
	return g, g.listen()
}

// openEngine makes the engine over everything else.
func (g *Gateway) openEngine(source firmware.Source) (err error) {
	cfg := g.cfg.Update
	cfg.Refresh, cfg.MaxDevices, cfg.Pace = g.cfg.Firmware.Refresh, g.cfg.Devices.Max, g.cfg.Upstream.Forward
	g.desired = desired.New(g.rules(g.cfg), g.cloud.directory())
	g.engine, err = update.New(cfg, update.Parts{
		Desired: g.desired, Source: source, Images: g.cache, Store: g.store,
		Reporter: g.cloud.reporter(), Log: g.log,
	})
	if err == nil && g.cloud.spool != nil && g.cloud.spool.Fresh() {
		g.engine.Rows().ReportAll() // the upstream never heard how things stand
	}
	return err
}

// sources makes the firmware sources, and the rule for a local file.
func (g *Gateway) sources(local *LocalFile) (firmware.Sources, error) {
	var err error
	if g.registries, err = oci.New(g.cfg.Firmware.Config); err != nil {
		return nil, err
	}
	files := file.New(g.cfg.Firmware.File)
	if local != nil {
		files.Add(localName, local.Path, local.Version)
		spec := file.Ref{Name: localName}.Spec()
		if _, err := files.Resolve(context.Background(), dfu.Device{}, spec); err != nil {
			return nil, err
		}
		g.local = []desired.Rule{{Spec: spec}}
	}
	all := firmware.Sources{oci.Kind.Name: g.registries, file.Kind.Name: files}
	return all, g.openHawkbit(all)
}

// rules returns what cfg desires, and then the local file for all others.
func (g *Gateway) rules(cfg config.Config) []desired.Rule {
	return slices.Concat(cfg.Firmware.Rules(), g.local)
}

// listen binds the sockets.
func (g *Gateway) listen() (err error) {
	if err := g.openFronts(); err != nil {
		return err
	}
	if g.cfg.Admin.Listen != "" {
		if g.admin, err = admin.Listen(g.cfg.Admin, g.shown()); err != nil {
			return err
		}
		g.reloads = append(g.reloads, func(*config.Config) error { return g.admin.Reload() })
	}
	return nil
}

// shown returns what operators see of the gateway.
func (g *Gateway) shown() admin.Parts {
	return admin.Parts{
		Kinds: kinds, Engine: g.engine, Cache: g.cache, Fronts: g.fronts,
		Forwarder: g.cloud.forwarder, Spool: g.cloud.spool, Meters: g.meters(),
		Refresh: g.refresh, Ready: g.ready.Load, Log: g.log,
	}
}

// meters returns all parts that count, but for the fronts.
func (g *Gateway) meters() []metric.Meter {
	all := append(g.cloud.meters(), g.engine, g.cache)
	if g.hawkbit != nil {
		all = append(all, g.hawkbit)
	}
	return all
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
	parts.Go(func() error { return g.cache.Run(ctx) })
	parts.Go(func() error { return g.engine.Run(ctx) })
	if g.cloud.forwarder != nil {
		parts.Go(func() error { return g.cloud.forwarder.Run(ctx) })
	}
	parts.Go(func() error { return g.reportOwed(ctx) })
	for _, f := range g.fronts {
		parts.Go(func() error { return f.Run(ctx) })
	}
	if g.admin != nil {
		parts.Go(func() error { return g.admin.Run(ctx) })
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
	if g.admin != nil {
		g.admin.Close()
	}
	for _, f := range g.fronts {
		_ = f.Close()
	}
	if g.cache != nil {
		g.cache.Close()
	}
	if g.registries != nil {
		g.registries.Close()
	}
	if g.hawkbit != nil {
		g.hawkbit.Close()
	}
	g.cloud.close(g.log)
	if g.store != nil {
		_ = g.store.Close()
	}
}

// refresh looks up anew what devices should run, and what tags stand for, and
// tells the cloud what it does not know.
func (g *Gateway) refresh() {
	if g.cloud.forwarder != nil {
		g.cloud.forwarder.Retry()
	}
	g.reportAgain()
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
