package release

import (
	"fmt"
	"slices"
	"sync"

	"havn/firmware"
)

// Ledger keeps which image each version of an application names, with what it
// takes to fetch it again, and what each spec resolved to last, so that a box
// that boots without a network knows what to serve. What was saved is on disk
// when the call returns.
type Ledger interface {
	LoadVersions(each func(application string, m firmware.Metadata)) error
	SaveVersion(application string, m firmware.Metadata) error
	LoadResolutions(each func(spec string, m firmware.Metadata)) error
	// SaveResolution stores m for spec; one without a digest removes it.
	SaveResolution(spec string, m firmware.Metadata) error
}

// anyApplication is the application of entries that hold for all applications: the
// images of rules that name none. No device is in it, since names are not empty.
const anyApplication = ""

// ledger remembers which image each version of an application names, and what
// specs resolved to last. Devices are answered from its maps in memory. An entry is
// on disk before it is in the maps.
type ledger struct {
	store Ledger

	// recording is held by one job at a time while it looks, writes to the store and
	// changes the maps. It guards no field, and comes before mu.
	recording sync.Mutex

	mu       sync.RWMutex // of the maps; held over nothing else
	versions map[versionKey]firmware.Metadata
	resolved map[string]firmware.Metadata // by Spec.Key
}

type versionKey struct{ application, version string }

func openLedger(store Ledger) (*ledger, error) {
	l := &ledger{
		store:    store,
		versions: map[versionKey]firmware.Metadata{}, resolved: map[string]firmware.Metadata{},
	}
	err := store.LoadVersions(func(app string, m firmware.Metadata) { l.versions[versionKey{app, m.Version}] = m })
	if err != nil {
		return nil, err
	}
	return l, store.LoadResolutions(func(spec string, m firmware.Metadata) { l.resolved[spec] = m })
}

// find returns what a version of an application names. It does not allocate.
func (l *ledger) find(application string, version []byte) (firmware.Metadata, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	m, ok := l.versions[versionKey{application, string(version)}]
	if !ok {
		m, ok = l.versions[versionKey{anyApplication, string(version)}]
	}
	return m, ok
}

// names returns the names of m, with those that were learned since m was read.
func (l *ledger) names(application string, m firmware.Metadata) []string {
	if entry, ok := l.find(application, []byte(m.Version)); ok && entry.Digest == m.Digest {
		return entry.Names
	}
	return m.Names
}

// record enters m, or adds its names to the entry of the same digest. It returns the
// entry with the order of m: orders are not recorded. It fails with
// firmware.ErrVersionTaken where the version names another digest.
func (l *ledger) record(application string, m firmware.Metadata) (entry firmware.Metadata, err error) {
	l.recording.Lock()
	defer l.recording.Unlock()
	order := m.Order
	m.Order = ""
	defer func() { entry.Order = order }()
	known, ok := l.find(application, []byte(m.Version))
	if ok && known.Digest != m.Digest {
		return known, fmt.Errorf("%w (%s)", firmware.ErrVersionTaken, known.Digest)
	}
	names := append(slices.Clone(known.Names), m.Names...)
	slices.Sort(names)
	m.Names = slices.Compact(names)
	if ok && known.Origin == m.Origin && slices.Equal(known.Names, m.Names) {
		return known, nil
	}
	if err := l.store.SaveVersion(application, m); err != nil {
		return m, fmt.Errorf("ledger entry of version %q: %w", firmware.Printable(m.Version), err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.versions[versionKey{application, m.Version}] = m
	return m, nil
}

// resolution returns what a spec resolved to last.
func (l *ledger) resolution(spec string) (firmware.Metadata, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	m, ok := l.resolved[spec]
	return m, ok
}

// resolve remembers what a spec resolved to.
func (l *ledger) resolve(spec string, m firmware.Metadata) error {
	l.recording.Lock()
	defer l.recording.Unlock()
	known, ok := l.resolution(spec)
	if ok && known.Digest == m.Digest && known.Version == m.Version && known.Order == m.Order {
		return nil
	}
	if err := l.store.SaveResolution(spec, m); err != nil {
		return fmt.Errorf("resolution of %s: %w", spec, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.resolved[spec] = m
	return nil
}

// withdraw forgets what a spec resolved to: in memory first, so that it is not
// offered again even where the store fails.
func (l *ledger) withdraw(spec string) error {
	l.recording.Lock()
	defer l.recording.Unlock()
	if _, ok := l.resolution(spec); !ok {
		return nil
	}
	l.mu.Lock()
	delete(l.resolved, spec)
	l.mu.Unlock()
	if err := l.store.SaveResolution(spec, firmware.Metadata{}); err != nil {
		return fmt.Errorf("withdrawal of %s: %w", spec, err)
	}
	return nil
}
