package main

import (
	"fmt"
	"io"
	"os"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// isTerminal reports whether w is a terminal that people look at.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// bars draws progress bars on a terminal; elsewhere it prints one plain line
// when a bar is complete.
type bars struct {
	w        io.Writer
	terminal *mpb.Progress // nil: plain lines
}

func newBars(w io.Writer) *bars {
	b := &bars{w: w}
	if isTerminal(w) {
		b.terminal = mpb.New(mpb.WithOutput(w), mpb.WithWidth(40))
	}
	return b
}

// bar is one line of progress in bytes.
type bar struct {
	name string
	w    io.Writer
	bar  *mpb.Bar
	done bool
}

func (b *bars) add(name string) *bar {
	line := &bar{name: name, w: b.w}
	if b.terminal != nil {
		line.bar = b.terminal.AddBar(0, mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.CountersKibiByte("% .1f / % .1f"), decor.Percentage(decor.WCSyncSpace)))
	}
	return line
}

// set moves the bar. A size of 0 is not known yet.
func (l *bar) set(offset, size int64) {
	if l.bar != nil && size > 0 {
		l.bar.SetTotal(size, false)
		l.bar.SetCurrent(offset)
	}
}

// finish completes the bar with the size reached.
func (l *bar) finish(size int64) {
	if l.done {
		return
	}
	if l.done = true; l.bar != nil {
		l.bar.SetTotal(size, true)
		return
	}
	fmt.Fprintf(l.w, "%s  %d bytes\n", l.name, size)
}

// abort leaves the bar where it is.
func (l *bar) abort() {
	if l.done = true; l.bar != nil {
		l.bar.Abort(false)
	}
}

// wait returns when all bars are drawn for the last time.
func (b *bars) wait() {
	if b.terminal != nil {
		b.terminal.Wait()
	}
}
