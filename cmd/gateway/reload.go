package main

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"havn/gateway"
	"havn/gateway/config"
)

// reloadPause is how long the file must rest before it is read: editors and
// copies empty a file before they fill it, and an empty file is a valid one.
const reloadPause = 200 * time.Millisecond

// configFile is the configuration file of a running gateway. Without a path it
// stands for the defaults.
type configFile struct {
	path         string
	loaded, seen fs.FileInfo // when it was read last, looked at last; nil: it was not there
}

// load reads the file.
func (f *configFile) load() (config.Config, error) {
	if f.path == "" {
		return config.Default(), nil
	}
	f.loaded, _ = os.Stat(f.path) // before it is read: a change while we do is seen later
	return config.Load(f.path)
}

// look reports whether the file rests, and whether it is another than was read.
func (f *configFile) look() (rests, changed bool) {
	before := f.seen
	f.seen, _ = os.Stat(f.path)
	return same(f.seen, before), !same(f.seen, f.loaded)
}

// same reports whether two descriptions are of one unchanged file.
func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// reloadOnChange takes over the file when it changes or on SIGHUP, until ctx
// ends. A file that is not accepted changes nothing.
func (f *configFile) reloadOnChange(ctx context.Context, g *gateway.Gateway, log *slog.Logger) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	watcher, err := watch(f.path)
	if err != nil {
		log.Warn("changes of the configuration are not noticed; send SIGHUP", slog.Any("error", err))
		watcher = &fsnotify.Watcher{} // its channels are silent
	} else {
		defer watcher.Close()
	}
	pause := time.NewTimer(reloadPause) // for a change between the start and now
	defer pause.Stop()
	for waiting := true; ; {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			f.reload(g, log)
		case <-watcher.Events: // of any file: the name may be a link to one of them
			if !waiting {
				waiting = true
				pause.Reset(reloadPause)
			}
		case err := <-watcher.Errors:
			log.Warn("a change of the configuration may be missed; send SIGHUP", slog.Any("error", err))
		case <-pause.C:
			rests, changed := f.look()
			if waiting = !rests; waiting {
				pause.Reset(reloadPause)
			} else if changed {
				f.reload(g, log)
			}
		}
	}
}

// watch watches the directory of a file: editors replace the file.
func watch(path string) (*fsnotify.Watcher, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	if err := w.Add(filepath.Dir(path)); err != nil {
		_ = w.Close()
		return nil, err
	}
	return w, nil
}

func (f *configFile) reload(g *gateway.Gateway, log *slog.Logger) {
	cfg, err := f.load()
	if err == nil {
		err = g.Reload(cfg)
	}
	if err != nil {
		log.Error("configuration not reloaded; the old one stays in force", slog.Any("error", err))
		return
	}
	log.Info("configuration reloaded; chunks and desired firmware are in force, "+
		"all else needs a restart", slog.String("file", f.path))
}
