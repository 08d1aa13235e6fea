package jsonl

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"havn/fault"
	"havn/upstream"
)

// Config names the file.
type Config struct {
	Path string `yaml:"path"` // empty = off
}

// Validate returns what is wrong with c.
func (c Config) Validate() (faults fault.List) {
	info, err := os.Stat(c.Path)
	if c.Path != "" && err == nil && !info.Mode().IsRegular() {
		faults.Add("path", "%s is no regular file: name one, or a path where there is none", c.Path)
	}
	return faults
}

// File is the [upstream.Publisher] that appends to a file.
type File struct {
	path string

	mu   sync.Mutex
	file *os.File // nil: not open
}

var _ interface {
	upstream.Publisher
	upstream.Session
} = (*File)(nil)

// New returns the publisher. The file is opened for the first event.
func New(cfg Config) *File { return &File{path: cfg.Path} }

// Name implements upstream.Publisher.
func (*File) Name() string { return "file" }

// Accepts implements upstream.Publisher.
func (*File) Accepts(*upstream.Event) bool { return true }

// Run implements upstream.Session. It closes the file in the end.
func (f *File) Run(ctx context.Context) error {
	<-ctx.Done()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.close()
	return nil
}

// Retry implements upstream.Session. Each event is a try.
func (*File) Retry() {}

// Publish implements upstream.Publisher.
func (f *File) Publish(_ context.Context, e *upstream.Event) error {
	line, err := lineOf(e)
	if err != nil {
		return fmt.Errorf("%w: %w", upstream.ErrRejected, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.append(line, e.Kind == upstream.Transition); err != nil {
		f.close()
		return fmt.Errorf("upstream.file: event of %s: %w", e.Device, err)
	}
	return nil
}

// append writes a line. The caller holds mu, and closes the file after an error.
func (f *File) append(line []byte, durable bool) error {
	if err := f.follow(); err != nil {
		return err
	}
	if _, err := f.file.Write(line); err != nil || !durable {
		return err
	}
	return f.file.Sync()
}

// follow opens the file at the path, unless it is open. The caller holds mu.
func (f *File) follow() (err error) {
	if f.file != nil {
		own, err := f.file.Stat()
		if now, moved := os.Stat(f.path); err == nil && moved == nil && os.SameFile(own, now) {
			return nil
		}
		f.close()
	}
	f.file, err = os.OpenFile(f.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := syncName(f.path); err != nil {
		return err
	}
	return endLine(f.file)
}

// syncName puts the name of a file that may be new on the disk.
func syncName(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

func (f *File) close() {
	_ = f.file.Close() // nil is an error too
	f.file = nil
}

// endLine ends the last line of a file that was left open within it.
func endLine(file *os.File) error {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	last := make([]byte, 1)
	if _, err := file.ReadAt(last, info.Size()-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err = file.Write([]byte{'\n'})
	return err
}
