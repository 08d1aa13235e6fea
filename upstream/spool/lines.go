package spool

import (
	"log/slog"
	"slices"
	"strconv"
)

// prepare makes the buckets that are missing. It removes lines that are no longer
// configured.
func (w *writer) prepare(lines []string, log *slog.Logger) error {
	for _, name := range [][]byte{bucketMeta, bucketLines, bucketAside, bucketTold} {
		if _, err := w.tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	if err := w.tx.Bucket(bucketMeta).Put(keyFormat, []byte(strconv.Itoa(format))); err != nil {
		return err
	}
	for name, held := range w.state.lines {
		if slices.Contains(lines, name) {
			continue
		}
		if held.events > 0 {
			log.Warn("events for an upstream that is no longer configured are dropped",
				slog.String("upstream", name), slog.Int("events", held.events))
		}
		if err := w.removeLine(name); err != nil {
			return err
		}
	}
	return w.addLines(lines)
}

func (w *writer) removeLine(name string) error {
	delete(w.state.lines, name)
	if err := w.tx.Bucket(bucketTold).Delete([]byte(name)); err != nil {
		return err
	}
	return w.tx.Bucket(bucketLines).DeleteBucket([]byte(name))
}

func (w *writer) addLines(lines []string) error {
	for _, name := range lines {
		line, err := w.tx.Bucket(bucketLines).CreateBucketIfNotExists([]byte(name))
		if err != nil {
			return err
		}
		for _, part := range [][]byte{bucketEvents, bucketLast} {
			if _, err := line.CreateBucketIfNotExists(part); err != nil {
				return err
			}
		}
		w.count(name, 0, 0) // the line is known from now on
		w.state.fresh = w.state.fresh || w.tx.Bucket(bucketTold).Get([]byte(name)) == nil
	}
	return nil
}

// told notes that all lines were given the status of devices. Without it, a line
// that accepts nothing would be new for ever.
func (w *writer) told() error {
	w.state.fresh = false
	for name := range w.state.lines {
		if err := w.tx.Bucket(bucketTold).Put([]byte(name), []byte{1}); err != nil {
			return err
		}
	}
	return nil
}
