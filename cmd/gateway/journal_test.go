package main

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"havn/bench/device"
)

// lives are the processes of a gateway, one after the other.
type lives struct {
	mu    sync.Mutex
	ended []time.Time // of all but the last
}

// now returns the number of the process that runs, or did last.
func (l *lives) now() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.ended)
}

// end is called right before a process is killed.
func (l *lives) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = append(l.ended, time.Now())
}

// until returns the end of a process, or now for the one that runs.
func (l *lives) until(life int) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if life < len(l.ended) {
		return l.ended[life]
	}
	return time.Now()
}

// stand is where a device stands by its own account.
type stand struct{ current, target string }

// visit is a time for which a device stood somewhere.
type visit struct {
	stand
	from  time.Time
	heard map[int]time.Time // when each process of the gateway first answered it
}

// journal is what a device did, written by the device: the reference for what
// the gateway tells of it. It is the connection that its answers come through.
type journal struct {
	net.Conn
	lives  *lives
	blocks bool // it tells its version between transfers only

	mu     sync.Mutex
	visits []visit
}

// Read implements net.Conn. Who answers has read the question.
func (j *journal) Read(p []byte) (int, error) {
	n, err := j.Conn.Read(p)
	if err == nil {
		j.answered()
	}
	return n, err
}

func (j *journal) answered() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.visits) == 0 {
		return
	}
	heard, life := j.visits[len(j.visits)-1].heard, j.lives.now()
	if _, ok := heard[life]; !ok {
		heard[life] = time.Now()
	}
}

// note writes down where the device stands.
func (j *journal) note(s device.State) {
	at := stand{s.Version, s.Target}
	j.mu.Lock()
	defer j.mu.Unlock()
	if n := len(j.visits); n > 0 && j.visits[n-1].stand == at {
		return
	}
	j.visits = append(j.visits, visit{at, time.Now(), map[int]time.Time{}})
}

// versions lists what the device ran, in order.
func (j *journal) versions() (all []string) {
	for _, v := range j.visits {
		if len(all) == 0 || all[len(all)-1] != v.current {
			all = append(all, v.current)
		}
	}
	return all
}

// flushed is how long something has to stand, in one life of the gateway, to be
// certainly stored: a flush interval, and time for the flush on a busy machine.
const flushed = time.Second + 1500*time.Millisecond

// stood lists what no kill may take away: where the device stood, and one
// process of the gateway knew it, for longer than flushed.
func (j *journal) stood() (all []stand) {
	for i, v := range j.visits {
		left := time.Now()
		if i+1 < len(j.visits) {
			left = j.visits[i+1].from
		}
		for life, heard := range v.heard {
			until := j.lives.until(life)
			if left.Before(until) {
				until = left
			}
			if until.Sub(heard) > flushed {
				all = append(all, v.stand)
				break
			}
		}
	}
	return all
}

// compare returns what is wrong with what the cloud was told of the device.
func (j *journal) compare(events []told) (faults []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	faults = append(disorder(events), outOfOrder(j.versions(), currents(events))...)
	for _, s := range j.stood() {
		i := slices.IndexFunc(events, func(e told) bool { return j.tells(e, s) })
		if i < 0 {
			return append(faults, fmt.Sprintf("it stood at %+v, which was not told in its place", s))
		}
		events = events[i:]
	}
	return faults
}

// tells reports whether e tells of s. A target that is not written yet is none
// by the device's own account.
func (j *journal) tells(e told, s stand) bool {
	if s.target == "" {
		return e.Current == s.current
	}
	return e.Target == s.target && (j.blocks || e.Current == s.current)
}

// disorder names the events that arrived for the first time after a newer one.
func disorder(events []told) (faults []string) {
	seen := map[told]bool{}
	var newest told
	for _, e := range events {
		if !seen[e] && e.Time.Before(newest.Time) {
			faults = append(faults, fmt.Sprintf("%+v came after %+v", e, newest))
		}
		if seen[e] = true; e.Time.After(newest.Time) {
			newest = e
		}
	}
	return faults
}

func currents(events []told) (all []string) {
	for _, e := range events {
		all = append(all, e.Current)
	}
	return all
}

// outOfOrder names the versions that were told for the first time after one that
// the device ran later, or that it never ran.
func outOfOrder(ran, told []string) (faults []string) {
	for i, version := range told {
		if slices.Contains(told[:i], version) {
			continue // a repetition, or the device runs it again
		}
		at := slices.Index(ran, version)
		if at < 0 {
			return append(faults, fmt.Sprintf("version %q was told out of order, or it never ran", version))
		}
		ran = ran[at:]
	}
	return nil
}
