package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"havn/status"
)

// The conditions of status.firmware and their values.
const (
	conditionInSync   = "InSync"
	conditionProgress = "UpdateProgress"

	statusTrue    = "True"
	statusFalse   = "False"
	statusUnknown = "Unknown"

	// unknownVersion stands for a version that is not known or not UTF-8.
	unknownVersion = "Unknown"
)

// Messages of InSync when it is false for a reason.
const (
	messageNoMetadata = "Error retrieving firmware metadata"
	messageNotUpdated = "Firmware not updated"
)

// condition is one entry of status.firmware.conditions.
type condition struct {
	LastTransitionTime string `json:"lastTransitionTime"` // RFC 3339, UTC
	Message            string `json:"message,omitempty"`
	Reason             string `json:"reason,omitempty"`
	Status             string `json:"status"`
	Type               string `json:"type"`
}

// statusDocument is status.firmware with everything that is in it.
type statusDocument map[string]json.RawMessage

// next returns the section that follows old when the device stands as s says,
// nil when old says the same. A condition keeps its lastTransitionTime while its status is the same. What is
// in old and not ours stays.
func next(s *status.Status, old json.RawMessage, now time.Time) (json.RawMessage, error) {
	var doc statusDocument
	if json.Unmarshal(old, &doc) != nil || doc == nil {
		doc = statusDocument{} // none, or not readable: written anew
	}
	conditions, err := doc.follow(conditionsOf(s), now)
	if err != nil {
		return nil, err
	}
	changed := false
	for key, value := range map[string]any{
		"conditions": conditions, "current": versionText(s.Current), "target": versionText(s.Target),
	} {
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		changed = changed || !sameJSON(doc[key], raw)
		doc[key] = raw
	}
	if !changed {
		return nil, nil
	}
	return json.Marshal(doc)
}

// follow returns the conditions that come after those of d: ours, with the
// time since when they are so, and what others wrote.
func (d statusDocument) follow(ours []condition, now time.Time) ([]json.RawMessage, error) {
	var old []json.RawMessage
	if json.Unmarshal(d["conditions"], &old) != nil {
		old = nil
	}
	var before []condition
	var foreign []json.RawMessage
	for _, raw := range old {
		var c condition
		if err := json.Unmarshal(raw, &c); err != nil || !c.ours() {
			foreign = append(foreign, raw)
			continue
		}
		before = append(before, c)
	}
	all := make([]json.RawMessage, 0, len(ours)+len(foreign))
	for _, c := range ours {
		c.LastTransitionTime = c.since(before, now)
		raw, err := json.Marshal(c)
		if err != nil {
			return nil, err
		}
		all = append(all, raw)
	}
	return append(all, foreign...), nil
}

func (c condition) ours() bool {
	return c.Type == conditionInSync || c.Type == conditionProgress
}

// since returns since when c has its status.
func (c condition) since(before []condition, now time.Time) string {
	for _, old := range before {
		if _, err := time.Parse(time.RFC3339, old.LastTransitionTime); err == nil &&
			old.Type == c.Type && old.Status == c.Status {
			return old.LastTransitionTime
		}
	}
	return now.UTC().Format(time.RFC3339Nano)
}

// conditionsOf lists what s says. Progress is there only while it goes on.
func conditionsOf(s *status.Status) []condition {
	if s.State == status.InSync {
		return []condition{{Type: conditionInSync, Status: statusTrue}}
	}
	inSync := condition{Type: conditionInSync, Status: statusFalse}
	if s.Error != "" {
		inSync.Message, inSync.Reason = messageNotUpdated, s.Error
		if s.Target == "" {
			inSync.Message = messageNoMetadata
		}
	}
	if s.State != status.Updating || s.Size == 0 {
		return []condition{inSync}
	}
	percent := 100 * float64(s.Offset) / float64(s.Size)
	return []condition{inSync, {
		Type: conditionProgress, Status: statusUnknown, Message: fmt.Sprintf("%.2f", percent),
	}}
}

// sameJSON compares two values by what they say, whatever the order of their
// keys.
func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	a, errA := json.Marshal(x)
	b, errB := json.Marshal(y)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// versionText returns a version as the schema has it.
func versionText(version string) string {
	if version == "" || !utf8.ValidString(version) {
		return unknownVersion
	}
	return version
}
