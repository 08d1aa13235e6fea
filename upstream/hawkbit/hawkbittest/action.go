package hawkbittest

import (
	"cmp"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
)

// File is an artifact to upload.
type File struct {
	Name string
	Data []byte
}

// Module is a software module of a distribution set.
type Module struct {
	Type     string // "os" when empty; "application" and "runtime" have legacy names
	Name     string // "firmware" when empty
	Version  string
	Files    []File
	Metadata map[string]string
}

// Type is how urgent an assignment is.
type Type string

// The types of an assignment.
const (
	Forced       Type = "forced"
	Soft         Type = "soft"
	DownloadOnly Type = "downloadonly"
)

// Assignment gives a distribution set to a target.
type Assignment struct {
	Controller string
	Modules    []Module
	Type       Type // Forced when empty
	Weight     int  // of several open actions the heaviest is offered
	Window     bool // it has a maintenance window, closed until SetWindow
	Confirm    bool // the target must confirm it, unless it does so by itself
}

// Firmware returns the modules of a set with one file.
func Firmware(version, name string, data []byte) []Module {
	return []Module{{Version: version, Files: []File{{Name: name, Data: data}}}}
}

// Statuses of an action and of its entries.
const (
	Running        = "RUNNING"
	Waiting        = "WAIT_FOR_CONFIRMATION"
	Retrieved      = "RETRIEVED"
	Download       = "DOWNLOAD"
	Downloaded     = "DOWNLOADED"
	Warning        = "WARNING"
	Finished       = "FINISHED"
	Error          = "ERROR"
	Canceling      = "CANCELING"
	Canceled       = "CANCELED"
	CancelRejected = "CANCEL_REJECTED"
)

// Entry is one entry in the history of an action.
type Entry struct {
	Status   string
	Messages []string
}

// Action is what an operator sees of an assignment.
type Action struct {
	ID      int
	Status  string
	Active  bool
	Entries []Entry // oldest first
}

// action is an assignment under way.
type action struct {
	Assignment
	id      int
	target  *target
	status  string
	active  bool
	open    bool // its maintenance window
	modules []*module
	entries []Entry
	quota   int
}

// module is an uploaded one.
type module struct {
	Module
	id int
}

// Assign gives a set to a target, which is created if need be, and returns the
// ID of the action. Open actions of the target are cancelled, unless the server
// is configured otherwise.
func (s *Server) Assign(as Assignment) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	as.Type = cmp.Or(as.Type, Forced)
	t := s.target(as.Controller)
	if !s.cfg.MultiAssign {
		for _, old := range s.openActions(t) {
			old.cancel()
		}
	}
	a := &action{
		Assignment: as, id: len(s.actions) + 1, target: t, active: true, status: Running,
		quota: cmp.Or(s.cfg.Quota, DefaultQuota),
	}
	for _, m := range as.Modules {
		m.Type, m.Name = cmp.Or(m.Type, "os"), cmp.Or(m.Name, "firmware")
		up := &module{Module: m, id: len(s.modules) + 1}
		s.modules, a.modules = append(s.modules, up), append(a.modules, up)
	}
	if as.Confirm && !t.autoConfirm {
		a.status = Waiting
	}
	s.actions = append(s.actions, a)
	a.add(a.status, "assigned")
	return a.id
}

// Cancel asks the target to give up an action.
func (s *Server) Cancel(id int) { s.change(id, (*action).cancel) }

// ForceQuit ends an action without asking.
func (s *Server) ForceQuit(id int) { s.change(id, func(a *action) { a.end(Canceled) }) }

// SetWindow opens or closes the maintenance window of an action.
func (s *Server) SetWindow(id int, open bool) { s.change(id, func(a *action) { a.open = open }) }

// Action returns what an operator sees of an action.
func (s *Server) Action(id int) (seen Action) {
	s.change(id, func(a *action) {
		seen = Action{ID: a.id, Status: a.status, Active: a.active, Entries: slices.Clone(a.entries)}
	})
	return seen
}

func (s *Server) change(id int, change func(*action)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id < 1 || id > len(s.actions) {
		panic(fmt.Sprintf("hawkbittest: there is no action %d", id))
	}
	change(s.actions[id-1])
}

// openActions returns those of a target that are not ended, the one to offer
// first. The caller holds mu.
func (s *Server) openActions(t *target) []*action {
	var open []*action
	for _, a := range s.actions {
		if a.target == t && a.active {
			open = append(open, a)
		}
	}
	slices.SortStableFunc(open, func(a, b *action) int { return b.Weight - a.Weight })
	return open
}

// add appends an entry, or reports that the action has its fill.
func (a *action) add(status string, messages ...string) bool {
	if len(a.entries) >= a.quota && status != Finished && status != Error {
		return false
	}
	a.entries = append(a.entries, Entry{Status: status, Messages: messages})
	return true
}

func (a *action) cancel() {
	if a.active {
		a.status = Canceling
		a.add(Canceling, "an operator or a new assignment cancels the action")
	}
}

// end closes the action. Success installs its set, and has the attributes asked
// for again.
func (a *action) end(status string) {
	if !a.active {
		return
	}
	a.active, a.status = false, status
	if status == Finished {
		a.target.installed, a.target.wanted = a.id, true
	}
}

// path returns the ID as a segment of a path.
func (a *action) path() string { return strconv.Itoa(a.id) }

// tag changes whenever the client should look at the deployment again.
func (a *action) tag(window bool) uint32 {
	return crc32.ChecksumIEEE(fmt.Appendf(nil, "%d %s %v", a.id, a.Type, window && a.open))
}
