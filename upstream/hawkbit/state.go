package hawkbit

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"

	"havn/firmware"
	"havn/upstream/hawkbit/ddi"
)

// state is what a controller knows of itself. Its JSON is durable: testdata has
// it as each gateway wrote it.
type state struct {
	Action    *action            `json:"action,omitempty"`    // the last one offered, open or closed
	Installed *firmware.Metadata `json:"installed,omitempty"` // of the last action closed with success
	// InstalledID is the action of Installed, or of an installedBase that cannot be
	// used.
	InstalledID string `json:"installedID,omitempty"`
	// Cancelled is the image of a cancelled action until another is offered.
	Cancelled firmware.Digest `json:"cancelled"`
	Current   string          `json:"current,omitempty"` // version the device said it runs
	// Outcomes are the outcomes that the server has not taken yet, oldest first.
	Outcomes []outcome `json:"outcomes,omitempty"`
}

// maxOutcomes bounds the outcomes that wait for a server that is away. There is
// rarely more than one, since an action must be offered before it can end.
const maxOutcomes = 16

// outcome is how an action ended.
type outcome struct {
	Action    string        `json:"action"`
	URL       string        `json:"url"` // of its deploymentBase
	Execution ddi.Execution `json:"execution"`
	Finished  ddi.Result    `json:"finished"`
	Detail    string        `json:"detail"`
}

// action is one assignment of the server.
type action struct {
	ID       string            `json:"id"`
	URL      string            `json:"url"` // of its deploymentBase, with the query
	Metadata firmware.Metadata `json:"metadata"`
	Invalid  string            `json:"invalid,omitempty"`  // why it cannot be used
	Deferred bool              `json:"deferred,omitempty"` // not to be downloaded yet
	Skip     bool              `json:"skip,omitempty"`     // not to be swapped to now
	Window   bool              `json:"window,omitempty"`   // it has a maintenance window

	Next    uint32 `json:"next,omitempty"`    // percent at which progress is due again
	Entries int    `json:"entries,omitempty"` // informational entries sent
	Said    string `json:"said,omitempty"`    // the last reason sent
	Written bool   `json:"written,omitempty"` // the device has all bytes, and the server knows
	Swapped bool   `json:"swapped,omitempty"` // the device was allowed to swap
	Closed  bool   `json:"closed,omitempty"`  // the action has an outcome, or the server ended it
}

// downloadOnly reports whether a ends when the device has all bytes.
func (a *action) downloadOnly() bool { return a.Skip && !a.Window }

// open reports whether the artifact of a may be downloaded.
func (a *action) open() bool { return !a.Closed && a.Invalid == "" && !a.Deferred }

// stable reports whether a must be read again only when its URL changes. The URL
// of an action with a window changes on hawkBit, not on every server.
func (a *action) stable() bool { return !a.Window && !a.Deferred && a.Invalid == "" }

// parseState reads what a controller stored.
func parseState(b []byte) (state, error) {
	var st state
	if err := json.Unmarshal(b, &st); err != nil {
		return state{}, err
	}
	if a := st.Action; a != nil {
		if err := checkAction(a.ID, a.URL); err != nil {
			return state{}, err
		}
	}
	for _, o := range st.Outcomes {
		if err := checkAction(o.Action, o.URL); err != nil {
			return state{}, err
		}
	}
	return st, nil
}

func checkAction(id, to string) error {
	if u, err := url.Parse(to); err != nil || u.Host == "" || id == "" {
		return fmt.Errorf("action %.40q has no ID or no URL", id)
	}
	return nil
}

// load restores the state that an earlier process stored. A state that cannot be
// read is asked for again.
func (c *controller) load() error {
	b, err := c.source.store.Load(c.url.String())
	if err != nil {
		return fmt.Errorf("load state: %w", err)
	}
	if b == nil {
		return nil
	}
	st, err := parseState(b)
	if err != nil {
		c.source.log.Warn("stored state of a hawkBit controller cannot be read; the server is asked for it again",
			slog.String("controller", c.id), slog.Any("error", err))
		return nil
	}
	c.state, c.stored = st, true
	return nil
}

// commit stores the state and lets the device path see it. The process goes on
// when the disk refuses the state: the server knows most of it.
func (c *controller) commit() {
	c.publish()
	b, err := json.Marshal(c.state)
	if err == nil {
		err = c.source.store.Save(c.url.String(), b)
	}
	if err != nil {
		c.source.log.Error("state of a hawkBit controller not stored; a restart may repeat a report",
			slog.String("controller", c.id), slog.Any("error", err))
	}
}

// assigned returns the firmware the device should run.
func (c *controller) assigned() (firmware.Metadata, error) {
	a := c.state.Action
	switch {
	case a == nil && c.state.Installed != nil:
		return *c.state.Installed, nil
	case a == nil:
		return firmware.Metadata{}, fmt.Errorf("%w: nothing is assigned", firmware.ErrNotFound)
	case a.Invalid != "":
		return firmware.Metadata{}, fmt.Errorf("%w: %s", firmware.ErrInvalid, a.Invalid)
	case a.Deferred:
		return firmware.Metadata{}, fmt.Errorf("%w: the server says not to download yet",
			firmware.ErrPending)
	}
	m := a.Metadata
	if a.open() {
		m.Origin = c.source.provide(m.Digest, m.Origin)
	} else if o, ok := c.source.provider(m.Digest); ok {
		m.Origin = o
	}
	return m, nil
}
