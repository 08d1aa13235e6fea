package release

import (
	"context"
	"log/slog"
	"sync"

	"havn/firmware"
)

// Load has a job bring the bytes of t back into memory.
func (c *Catalog) Load(t *firmware.Target) {
	c.jobs.add("load "+t.Transfer.Digest.Hex(), func(ctx context.Context) {
		_, err := c.images.Load(ctx, t.Blob())
		switch {
		case err == nil:
			c.failed.forget(t)
		case ctx.Err() == nil:
			c.failed.warn(c.log, t, err)
		}
	})
}

// LoadError returns why the bytes of t could not be loaded, empty if that was
// not tried or went well.
func (c *Catalog) LoadError(t *firmware.Target) string { return c.failed.of(t) }

// maxLoadErrors bounds the memory of loadErrors; beyond it all are forgotten
// and logged once more.
const maxLoadErrors = 1000

// loadErrors keeps why images could not be loaded, for the rows that wait for
// them, and logs it once per image and error.
type loadErrors struct {
	mu   sync.Mutex
	text map[firmware.Digest]string // by Transfer
}

func (l *loadErrors) warn(log *slog.Logger, t *firmware.Target, err error) {
	if l.note(t.Transfer.Digest, err.Error()) {
		log.Warn("image not loaded; devices wait for it", slog.String("version", firmware.Printable(t.Version)),
			slog.String("digest", t.Transfer.Digest.String()), slog.Any("error", err))
	}
}

// note reports whether text is news.
func (l *loadErrors) note(d firmware.Digest, text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text == nil || len(l.text) > maxLoadErrors {
		l.text = map[firmware.Digest]string{}
	}
	news := l.text[d] != text
	l.text[d] = text
	return news
}

func (l *loadErrors) of(t *firmware.Target) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text[t.Transfer.Digest]
}

func (l *loadErrors) forget(t *firmware.Target) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.text, t.Transfer.Digest)
}
