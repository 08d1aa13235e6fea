package apps

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"
)

// Metadata is the metadata of a resource; other keys are refused.
type Metadata struct {
	Name              string            `json:"name"`
	Application       string            `json:"application,omitempty"`
	UID               string            `json:"uid"`
	CreationTimestamp time.Time         `json:"creationTimestamp"`
	Generation        uint64            `json:"generation"`
	ResourceVersion   string            `json:"resourceVersion"`
	DeletionTimestamp *time.Time        `json:"deletionTimestamp,omitempty"`
	Finalizers        []string          `json:"finalizers,omitempty"`
	Labels            map[string]string `json:"labels,omitempty"`
	Annotations       map[string]string `json:"annotations,omitempty"`
}

// Resource is an application or a device.
type Resource struct {
	Metadata Metadata                   `json:"metadata"`
	Spec     map[string]json.RawMessage `json:"spec,omitempty"`
	Status   map[string]json.RawMessage `json:"status,omitempty"`
}

// User is an account of the registry and of the integration.
type User struct {
	Name   string
	Token  string // access token, for Basic and MQTT
	Bearer string // OpenID token
	Reader bool   // may read only
}

// Apps is all applications. Its methods may be called concurrently.
type Apps struct {
	mu    sync.Mutex
	users map[string]User
	apps  map[string]*application
}

// New returns a cloud without applications.
func New() *Apps { return &Apps{users: map[string]User{}, apps: map[string]*application{}} }

// AddUser adds or replaces an account.
func (c *Apps) AddUser(u User) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users[u.Name] = u
}

// application is an application with its devices and its stream.
type application struct {
	Resource
	devices map[string]*Resource
	stream  stream
}

// PutApplication makes an application, or replaces its specification. spec is
// JSON; "" is none. It panics on JSON that is no object: that is a mistake of
// the test.
func (c *Apps) PutApplication(name, spec string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := Resource{Metadata: Metadata{Name: name}, Spec: mustSpec(spec)}
	if app := c.apps[name]; app != nil {
		next.Status = app.Status
		app.replace(next)
		return
	}
	c.create(next)
}

// PutDevice makes a device, or replaces its specification and labels. The
// application must exist.
func (c *Apps) PutDevice(app, name, spec string, labels map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := Resource{
		Metadata: Metadata{Name: name, Application: app, Labels: labels}, Spec: mustSpec(spec),
	}
	if old := c.apps[app].devices[name]; old != nil {
		next.Status = old.Status
		c.changed(app, name, old.replace(next))
		return
	}
	c.create(next)
}

func mustSpec(text string) (spec map[string]json.RawMessage) {
	if text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		panic(fmt.Sprintf("apps: spec %s: %v", text, err))
	}
	return spec
}

// Device returns a device as it is now.
func (c *Apps) Device(app, name string) (Resource, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.apps[app]; a != nil && a.devices[name] != nil {
		return a.devices[name].clone(), true
	}
	return Resource{}, false
}

func (r *Resource) clone() Resource {
	next := *r
	next.Spec, next.Status = maps.Clone(r.Spec), maps.Clone(r.Status)
	return next
}

// DeleteApplication removes an application with all its devices.
func (c *Apps) DeleteApplication(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.apps, name)
}

// DeleteDevice removes a device.
func (c *Apps) DeleteDevice(app, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.apps[app].devices, name)
	c.changed(app, name, []string{"."})
}

// create adds a resource. The caller holds mu and knows that there is none.
func (c *Apps) create(r Resource) {
	m := &r.Metadata
	m.UID, m.ResourceVersion, m.Generation = newUUID(), newUUID(), 1
	m.CreationTimestamp, m.DeletionTimestamp = time.Now().UTC(), nil
	if m.Application == "" {
		c.apps[m.Name] = &application{Resource: r, devices: map[string]*Resource{}, stream: newStream()}
		return
	}
	c.apps[m.Application].devices[m.Name] = &r
	c.changed(m.Application, m.Name, []string{"."})
}

// replace overwrites labels, annotations, finalizers, spec and status, and
// returns the paths that changed. What is equal stays without a new version.
func (r *Resource) replace(next Resource) (paths []string) {
	m, n := &r.Metadata, &next.Metadata
	if !maps.Equal(m.Labels, n.Labels) || !maps.Equal(m.Annotations, n.Annotations) ||
		!slices.Equal(m.Finalizers, n.Finalizers) {
		paths = append(paths, ".metadata")
	}
	specs := differences(".spec.", r.Spec, next.Spec)
	paths = append(append(paths, specs...), differences(".status.", r.Status, next.Status)...)
	if len(paths) == 0 {
		return nil
	}
	if len(specs) > 0 {
		m.Generation++
	}
	m.Labels, m.Annotations, m.Finalizers = n.Labels, n.Annotations, n.Finalizers
	m.ResourceVersion = newUUID()
	r.Spec, r.Status = next.Spec, next.Status
	return paths
}

func differences(prefix string, a, b map[string]json.RawMessage) (paths []string) {
	keys := slices.Collect(maps.Keys(a))
	for key := range b {
		if _, ok := a[key]; !ok {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		if !equalJSON(a[key], b[key]) {
			paths = append(paths, prefix+key)
		}
	}
	return paths
}

func equalJSON(a, b json.RawMessage) bool {
	if (a == nil) != (b == nil) {
		return false
	}
	var x, y any
	json.Unmarshal(a, &x)
	json.Unmarshal(b, &y)
	return reflect.DeepEqual(x, y)
}

// changed tells the stream of a change: one event for each path. The caller
// holds mu.
func (c *Apps) changed(app, device string, paths []string) {
	for range paths {
		c.apps[app].stream.add(Event{
			Type: RegistryEvent, Subject: "devices", Application: app, Device: device, Sender: device,
		}.completed())
	}
}

// newUUID returns a random UUID, version 4.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// section reads a section of a specification into to.
func (r *Resource) section(name string, to any) bool {
	raw, ok := r.Spec[name]
	return ok && json.Unmarshal(raw, to) == nil
}
