package cli

import (
	"fmt"
	"io"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Bars draws progress bars on a terminal; elsewhere it prints one plain line
// when a bar is complete.
type Bars struct {
	w        io.Writer
	terminal *mpb.Progress // nil: plain lines
}

// NewBars returns bars on w.
func NewBars(w io.Writer) *Bars {
	b := &Bars{w: w}
	if IsTerminal(w) {
		b.terminal = mpb.New(mpb.WithOutput(w), mpb.WithWidth(40))
	}
	return b
}

// Bar is one line of progress in bytes.
type Bar struct {
	name string
	w    io.Writer
	bar  *mpb.Bar
	done bool
}

// Add adds a bar below the others.
func (b *Bars) Add(name string) *Bar {
	line := &Bar{name: name, w: b.w}
	if b.terminal != nil {
		line.bar = b.terminal.AddBar(0, mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.CountersKibiByte("% .1f / % .1f"), decor.Percentage(decor.WCSyncSpace)))
	}
	return line
}

// Set moves the bar. A size of 0 is not known yet.
func (l *Bar) Set(offset, size int64) {
	if l.bar != nil && size > 0 {
		l.bar.SetTotal(size, false)
		l.bar.SetCurrent(offset)
	}
}

// Finish completes the bar with the size reached.
func (l *Bar) Finish(size int64) {
	if l.done {
		return
	}
	if l.done = true; l.bar != nil {
		l.bar.SetTotal(size, true)
		return
	}
	fmt.Fprintf(l.w, "%s  %d bytes\n", l.name, size)
}

// Abort leaves the bar where it is.
func (l *Bar) Abort() {
	if l.done = true; l.bar != nil {
		l.bar.Abort(false)
	}
}

// Wait returns when all bars are drawn for the last time.
func (b *Bars) Wait() {
	if b.terminal != nil {
		b.terminal.Wait()
	}
}
