package spool

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// format is the number of the file's layout. Raise it with every change that an
// older gateway would misread, and migrate older files in Spool.open.
const format = 1

var (
	bucketMeta   = []byte("meta")
	bucketTold   = []byte("told") // lines that were given a status once
	bucketLines  = []byte("lines")
	bucketEvents = []byte("events")
	bucketLast   = []byte("last")
	bucketAside  = []byte("aside")
	keyFormat    = []byte("format")
)

// Names of the file, and of one that was damaged.
const (
	fileName    = "spool.db"
	damagedName = "spool.damaged.db"
)

// lockTimeout is how long Open waits for another process to let go of the
// file: longer than a restart takes, shorter than an operator's patience.
const lockTimeout = 2 * time.Second

// growth is how much the file grows by at once.
const growth = 1 << 20

// errDamaged: the file cannot be used, now or later.
var errDamaged = errors.New("damaged")

// Open opens or makes the spool in directory dir, with a queue for each of
// lines. The queues of other lines are removed. A damaged file is renamed and a
// new file begun. Log may be nil.
func Open(dir string, cfg Config, lines []string, log *slog.Logger) (*Spool, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("spool directory: %w", err)
	}
	path, aside := filepath.Join(dir, fileName), filepath.Join(dir, damagedName)
	s := &Spool{limit: cfg.limit(), log: log}
	err := s.open(path, lines)
	if errors.Is(err, errDamaged) {
		if err := os.Rename(path, aside); err != nil {
			return nil, fmt.Errorf("damaged spool: %w", err)
		}
		log.Error("the spool is damaged: the file is set aside and a new one begun; events that were not sent "+
			"are lost, and every device is reported again", slog.String("file", aside), slog.Any("error", err))
		err = s.open(path, lines)
	}
	if err != nil {
		return nil, fmt.Errorf("spool %s: %w", path, err)
	}
	return s, nil
}

// open opens one file, checks all of it, and prepares its lines.
func (s *Spool) open(path string, lines []string) error {
	var found *state
	err := guard(func() (err error) {
		if s.db, err = openFile(path); err != nil {
			return err
		}
		found, err = inspect(s.db)
		return err
	})
	if err == nil {
		s.state.Store(found)
		err = s.update(func(w *writer) error { return w.prepare(lines, s.log) })
	}
	if err != nil && s.db != nil {
		_ = s.db.Close()
	}
	return err
}

// guard runs f and turns its faults into errDamaged: bbolt maps the file into
// memory and trusts it, so a damaged file makes f panic.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("%w: %v", errDamaged, fault)
		}
	}()
	return f()
}

// openFile opens the file. Wrong content is errDamaged. A fault of the disk, of
// rights or of another process is not.
func openFile(path string) (db *bbolt.DB, err error) {
	var file *os.File
	defer func() {
		if db == nil && file != nil {
			_ = file.Close() // and with it the lock, if bbolt panicked
		}
	}()
	db, err = bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: lockTimeout, FreelistType: bbolt.FreelistMapType,
		OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
			file, err = os.OpenFile(name, flag, mode)
			return file, err
		},
	})
	if err != nil {
		return nil, blame(err)
	}
	db.AllocSize = growth
	return db, nil
}

// blame tells damage from faults that an operator can mend.
func blame(err error) error {
	var system syscall.Errno
	var path *fs.PathError
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return errors.New("in use; is another gateway running on this directory?")
	case errors.As(err, &path), errors.As(err, &system):
		return err
	}
	return fmt.Errorf("%w: %w", errDamaged, err)
}

// inspect reads the whole file, so that damage is found now, and returns what the
// file holds.
func inspect(db *bbolt.DB) (*state, error) {
	st := &state{lines: map[string]size{}}
	err := db.View(func(tx *bbolt.Tx) error {
		if info, err := os.Stat(db.Path()); err != nil || info.Size() < tx.Size() {
			return errors.Join(err, fmt.Errorf("%w: shorter than it was", errDamaged))
		}
		if err := st.measure(tx); err != nil {
			return err
		}
		return check(tx)
	})
	return st, err
}

// check has bbolt look at its own pages. It must come after measure, which reads
// everything under guard: the reads of bbolt here are not guarded.
func check(tx *bbolt.Tx) (first error) {
	for err := range tx.Check() { // to the end, or its goroutine would stay
		if first == nil {
			first = fmt.Errorf("%w: %w", errDamaged, err)
		}
	}
	return first
}

// measure fills st from an existing file; a new one has no buckets.
func (st *state) measure(tx *bbolt.Tx) error {
	meta, lines, aside := tx.Bucket(bucketMeta), tx.Bucket(bucketLines), tx.Bucket(bucketAside)
	if meta == nil {
		return nil
	}
	if err := checkFormat(meta.Get(keyFormat)); err != nil {
		return err
	}
	if lines == nil || aside == nil {
		return fmt.Errorf("%w: queues are missing", errDamaged)
	}
	st.aside = total(aside)
	return lines.ForEachBucket(func(name []byte) error {
		line := lines.Bucket(name)
		events, last := line.Bucket(bucketEvents), line.Bucket(bucketLast)
		if events == nil || last == nil {
			return fmt.Errorf("%w: the queue of %q is incomplete", errDamaged, name)
		}
		st.lines[string(name)] = total(events)
		_ = total(last)
		return nil
	})
}

// checkFormat refuses a file of a newer gateway: that gateway can still send the
// events in it.
func checkFormat(number []byte) error {
	switch n, err := strconv.Atoi(string(number)); {
	case err != nil || n < 1:
		return fmt.Errorf("%w: its format is %q", errDamaged, number)
	case n > format:
		return fmt.Errorf("written by a newer gateway: its format is %d, this gateway reads up to %d; "+
			"run the newer gateway, or move the file away: then the events in it are not sent, "+
			"and every device is reported again", n, format)
	}
	return nil
}

// total reads a whole bucket.
func total(b *bbolt.Bucket) (s size) {
	_ = b.ForEach(func(key, data []byte) error { // fails only where the function does
		_ = crc32.ChecksumIEEE(key) + crc32.ChecksumIEEE(data) // looks at each byte
		s.events++
		s.bytes += int64(overhead + len(data))
		return nil
	})
	return s
}
