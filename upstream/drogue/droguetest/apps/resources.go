package apps

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
)

// hostname is what an application may be called.
var hostname = regexp.MustCompile(`^` + hostlabel + `(\.` + hostlabel + `)*$`)

const hostlabel = `[a-z0-9]([a-z0-9-]*[a-z0-9])?`

func (c *Apps) listApps(r *http.Request, _ []byte) (any, *failure) {
	all := map[string]*Resource{}
	for name, app := range c.apps {
		all[name] = &app.Resource
	}
	return list(all, r.URL.Query())
}

func (c *Apps) listDevices(r *http.Request, _ []byte) (any, *failure) {
	return list(c.apps[r.PathValue("app")].devices, r.URL.Query())
}

// list selects resources, by name.
func list(all map[string]*Resource, query url.Values) (any, *failure) {
	limit, offset := len(all), 0
	for key, to := range map[string]*int{"limit": &limit, "offset": &offset} {
		if text := query.Get(key); text != "" {
			n, err := strconv.ParseUint(text, 10, 31)
			if err != nil {
				return nil, badRequest(err)
			}
			*to = int(n)
		}
	}
	selected := []*Resource{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if matches(query.Get("labels"), all[name].Metadata.Labels) {
			selected = append(selected, all[name])
		}
	}
	selected = selected[min(offset, len(selected)):]
	return selected[:min(limit, len(selected))], nil
}

func (c *Apps) getApp(r *http.Request, _ []byte) (any, *failure) {
	return &c.apps[r.PathValue("app")].Resource, nil
}

func (c *Apps) getDevice(r *http.Request, _ []byte) (any, *failure) {
	if d := c.apps[r.PathValue("app")].devices[r.PathValue("device")]; d != nil {
		return d, nil
	}
	return nil, failNoDevice
}

// parse reads a resource. Metadata it does not know is refused, other keys at
// the top are ignored.
func parse(body []byte) (res Resource, fail *failure) {
	var parts struct {
		Metadata json.RawMessage
		Spec     map[string]json.RawMessage
		Status   map[string]json.RawMessage
	}
	if err := json.Unmarshal(body, &parts); err != nil {
		return res, badRequest(err)
	}
	d := json.NewDecoder(bytes.NewReader(parts.Metadata))
	d.DisallowUnknownFields()
	if err := d.Decode(&res.Metadata); err != nil {
		return res, badRequest(err)
	}
	res.Spec, res.Status = parts.Spec, parts.Status
	return res, nil
}

func (c *Apps) createApp(_ *http.Request, body []byte) (any, *failure) {
	res, fail := parse(body)
	switch {
	case fail != nil:
		return nil, fail
	case !hostname.MatchString(res.Metadata.Name) || res.Metadata.Application != "":
		return nil, failMismatch
	case c.apps[res.Metadata.Name] != nil:
		return nil, failConflict
	}
	c.create(res)
	return res.Metadata.Name, nil
}

func (c *Apps) createDevice(r *http.Request, body []byte) (any, *failure) {
	res, fail := parse(body)
	app, name := r.PathValue("app"), res.Metadata.Name
	switch {
	case fail != nil:
		return nil, fail
	case c.apps[app] == nil:
		return nil, failNoReference
	case res.Metadata.Application != app || name == "" || len(name) > 255:
		return nil, failMismatch
	case c.apps[app].devices[name] != nil:
		return nil, failConflict
	}
	c.create(res)
	return name, nil
}

// put overwrites old with what body says, if it still is what the writer read.
func put(old *Resource, body []byte) (paths []string, fail *failure) {
	next, fail := parse(body)
	m, is := next.Metadata, old.Metadata
	switch {
	case fail != nil:
		return nil, fail
	case m.Name != is.Name || m.Application != is.Application:
		return nil, failMismatch
	case is.differs(m.UID, m.ResourceVersion):
		return nil, failConflict
	}
	return old.replace(next), nil
}

func (c *Apps) putApp(r *http.Request, body []byte) (any, *failure) {
	_, fail := put(&c.apps[r.PathValue("app")].Resource, body)
	return nil, fail
}

func (c *Apps) putDevice(r *http.Request, body []byte) (any, *failure) {
	app, name := r.PathValue("app"), r.PathValue("device")
	old := c.apps[app].devices[name]
	if old == nil {
		return nil, failNotFound
	}
	paths, fail := put(old, body)
	c.changed(app, name, paths)
	return nil, fail
}

// differs reports whether a resource is not the one that somebody read; what
// is empty is not compared.
func (m Metadata) differs(uid, version string) bool {
	return (uid != "" && uid != m.UID) || (version != "" && version != m.ResourceVersion)
}

// precondition reads the optional body of a DELETE.
func precondition(m Metadata, body []byte) *failure {
	var b struct {
		Preconditions struct {
			UID             string `json:"uid"`
			ResourceVersion string `json:"resourceVersion"`
		} `json:"preconditions"`
	}
	if len(body) > 0 && json.Unmarshal(body, &b) != nil {
		return failMismatch
	}
	p := b.Preconditions
	if m.differs(p.UID, p.ResourceVersion) {
		return failConflict
	}
	return nil
}

func (c *Apps) deleteApp(r *http.Request, body []byte) (any, *failure) {
	app := r.PathValue("app")
	if fail := precondition(c.apps[app].Metadata, body); fail != nil {
		return nil, fail
	}
	delete(c.apps, app)
	return nil, nil
}

func (c *Apps) deleteDevice(r *http.Request, body []byte) (any, *failure) {
	app, name := r.PathValue("app"), r.PathValue("device")
	d := c.apps[app].devices[name]
	if d == nil {
		return nil, failNotFound
	}
	if fail := precondition(d.Metadata, body); fail != nil {
		return nil, fail
	}
	delete(c.apps[app].devices, name)
	c.changed(app, name, []string{"."})
	return nil, nil
}
