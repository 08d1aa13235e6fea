package registry

import (
	"encoding/json"
	"log/slog"
	"time"
)

// saveEvery is how often what the registry said is stored, at most: what a
// crash loses is asked again.
const saveEvery = 5 * time.Second

// Keys of the Store: the list of applications, and one document for each.
const (
	indexKey  = "applications"
	keyPrefix = "application/"
)

// document is an application as it is stored, in JSON: testdata has it.
type document struct {
	answer
	Devices map[string]answer `json:"devices"`
}

// restore loads what an earlier process stored. What cannot be read is left
// out: the registry knows it still.
func (r *Registry) restore() {
	var names []string
	if !r.load(indexKey, &names) {
		return
	}
	for _, name := range names {
		var doc document
		if r.load(keyPrefix+name, &doc) {
			r.restoreApplication(name, doc)
		}
	}
}

func (r *Registry) load(key string, to any) bool {
	b, err := r.store.Load(key)
	if err == nil && b != nil {
		err = json.Unmarshal(b, to)
	}
	if err != nil {
		r.log.Error("desired firmware stored by an earlier run cannot be read; it is asked for anew",
			slog.String("key", key), slog.Any("error", err))
	}
	return err == nil && b != nil
}

func (r *Registry) restoreApplication(name string, doc document) {
	app := newApplication(name)
	app.own = doc.parsed(r.kinds)
	for name, stored := range doc.Devices {
		app.devices[name] = &device{answer: stored.parsed(r.kinds)}
	}
	r.apps[name] = app
	r.names += len(app.devices)
}

// save stores the applications that changed. What fails is tried again.
func (r *Registry) save() {
	index, docs := r.unsaved()
	for name, doc := range docs {
		if !r.put(keyPrefix+name, doc) {
			r.mark(name)
		}
	}
	if index != nil && !r.put(indexKey, index) {
		r.mu.Lock()
		r.index = true
		r.mu.Unlock()
	}
}

// unsaved takes what is to be stored off the list.
func (r *Registry) unsaved() (index []string, docs map[string]document) {
	r.mu.Lock()
	defer r.mu.Unlock()
	docs = map[string]document{}
	for name, app := range r.apps {
		if app.dirty {
			docs[name] = app.document()
			app.dirty = false
		}
	}
	if r.index {
		index = make([]string, 0, len(r.apps))
		for name := range r.apps {
			index = append(index, name)
		}
		r.index = false
	}
	return index, docs
}

func (a *application) document() document {
	doc := document{answer: a.own, Devices: map[string]answer{}}
	for name, d := range a.devices {
		doc.Devices[name] = d.answer
	}
	return doc
}

func (r *Registry) put(key string, value any) bool {
	b, err := json.Marshal(value)
	if err == nil {
		err = r.store.Save(key, b)
	}
	if err != nil {
		r.log.Error("desired firmware not stored; it is known as long as this process runs",
			slog.String("key", key), slog.Any("error", err))
	}
	return err == nil
}

func (r *Registry) mark(application string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if app := r.apps[application]; app != nil {
		app.dirty = true
	}
}
