package topic

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// ErrTopic: the topic, or a part of it, does not fit the template.
var ErrTopic = errors.New("not a topic of this network")

// Values is what a topic names. A template may lack some of them.
type Values struct {
	Application string
	Device      string
	Event       string // or command; may have several levels, like "down/sent"
}

// field is a placeholder, or a literal level.
type field uint8

const (
	literal field = iota
	application
	device
	event
)

// fields maps the placeholders of ChirpStack v3 and v4, and those that this package has
// for The Things Stack, which knows no templates.
var fields = map[string]field{
	"ApplicationID": application, "application_id": application,
	"DevEUI": device, "dev_eui": device, "device_id": device,
	"EventType": event, "event": event, "CommandType": event, "command": event,
}

var placeholder = regexp.MustCompile(`^\{\{ *\.?(\w+) *\}\}$`)

type level struct {
	field field
	text  string // of a literal
}

// Template is a parsed topic template. It is immutable.
type Template struct{ levels []level }

// Parse reads a template. It must name the device.
func Parse(text string) (Template, error) {
	var t Template
	for part := range strings.SplitSeq(text, "/") {
		l, err := parseLevel(part)
		if err == nil && l.field != literal && t.has(l.field) {
			err = fmt.Errorf("%q names twice what it may name once", part)
		}
		if err != nil {
			return Template{}, fmt.Errorf("topic template %q: %w", text, err)
		}
		t.levels = append(t.levels, l)
	}
	if !t.has(device) {
		return Template{}, fmt.Errorf("topic template %q: no {{dev_eui}} names the device", text)
	}
	return t, nil
}

func parseLevel(part string) (level, error) {
	if !strings.ContainsAny(part, "{}") {
		return level{text: part}, check(part)
	}
	m := placeholder.FindStringSubmatch(part)
	if m == nil {
		return level{}, fmt.Errorf("%q: a placeholder must fill a whole level, like {{dev_eui}}", part)
	}
	f, ok := fields[m[1]]
	if !ok {
		return level{}, fmt.Errorf("unknown placeholder %q", part)
	}
	return level{field: f}, nil
}

// check reports a level that would be a wildcard or several levels.
func check(part string) error {
	if strings.ContainsAny(part, "/+#\x00") {
		return fmt.Errorf("%w: %q holds one of / + #", ErrTopic, part)
	}
	return nil
}

func (t Template) has(f field) bool {
	return slices.ContainsFunc(t.levels, func(l level) bool { return l.field == f })
}

// Match reads a topic.
func (t Template) Match(topic string) (Values, error) {
	var v Values
	rest := topic
	for i, l := range t.levels {
		part, tail, more := strings.Cut(rest, "/")
		last := i == len(t.levels)-1
		if last && l.field == event {
			part, more = rest, false
		}
		if more == last || (l.field == literal && part != l.text) || (l.field != literal && part == "") {
			return Values{}, fmt.Errorf("%w: %q", ErrTopic, topic)
		}
		v.set(l.field, part)
		rest = tail
	}
	return v, nil
}

func (v *Values) set(f field, s string) {
	switch f {
	case application:
		v.Application = s
	case device:
		v.Device = s
	case event:
		v.Event = s
	case literal:
	}
}

func (v Values) get(l level) string {
	switch l.field {
	case application:
		return v.Application
	case device:
		return v.Device
	case event:
		return v.Event
	case literal:
	}
	return l.text
}

// filter returns the subscription for v. A value that is empty matches all.
func (t Template) filter(v Values) string {
	parts := make([]string, len(t.levels))
	for i, l := range t.levels {
		parts[i] = v.get(l)
		if parts[i] == "" && l.field != literal {
			parts[i] = "+"
		}
	}
	return strings.Join(parts, "/")
}

// Filters returns the subscriptions for some events of some applications. Without
// applications they are for all applications.
func (t Template) Filters(applications, events []string) []string {
	if len(applications) == 0 {
		applications = []string{""}
	}
	var filters []string
	for _, a := range applications {
		for _, e := range events {
			filters = append(filters, t.filter(Values{Application: a, Event: e}))
		}
	}
	slices.Sort(filters)
	return slices.Compact(filters) // a template without an event gives the same for each
}

// Build returns the topic of v. It fails with ErrTopic if a name is empty or would
// address more than one device.
func (t Template) Build(v Values) (string, error) {
	parts := make([]string, len(t.levels))
	for i, l := range t.levels {
		parts[i] = v.get(l)
		if l.field == literal || l.field == event {
			continue
		}
		if parts[i] == "" {
			return "", fmt.Errorf("%w: a name is missing in %+v", ErrTopic, v)
		}
		if err := check(parts[i]); err != nil {
			return "", err
		}
	}
	return strings.Join(parts, "/"), nil
}
