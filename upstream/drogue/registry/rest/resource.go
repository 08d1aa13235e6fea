package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Metadata is the part of a resource's metadata that the gateway looks at.
type Metadata struct {
	Name              string            `json:"name"`
	Application       string            `json:"application"` // empty on applications
	UID               string            `json:"uid"`
	ResourceVersion   string            `json:"resourceVersion"`
	Labels            map[string]string `json:"labels"`
	DeletionTimestamp *time.Time        `json:"deletionTimestamp"`
}

// Resource is an application or device of the registry. It keeps everything
// it was read with, whether known here or not.
type Resource struct {
	Metadata Metadata

	fields map[string]json.RawMessage // the whole object
	spec   map[string]json.RawMessage
	status map[string]json.RawMessage
}

var errNoName = errors.New("a resource without metadata.name")

// UnmarshalJSON reads a resource as the registry writes it.
func (r *Resource) UnmarshalJSON(b []byte) error {
	var next Resource
	if err := json.Unmarshal(b, &next.fields); err != nil {
		return err
	}
	parts := []struct {
		key string
		to  any
	}{{"metadata", &next.Metadata}, {"spec", &next.spec}, {"status", &next.status}}
	for _, part := range parts {
		raw, ok := next.fields[part.key]
		if !ok {
			continue
		}
		if err := json.Unmarshal(raw, part.to); err != nil {
			return fmt.Errorf("%s: %w", part.key, err)
		}
	}
	if next.Metadata.Name == "" {
		return errNoName
	}
	*r = next
	return nil
}

// MarshalJSON writes what was read, with the status as it is now.
func (r Resource) MarshalJSON() ([]byte, error) { return json.Marshal(r.fields) }

// Spec returns a section of the specification.
func (r *Resource) Spec(section string) (json.RawMessage, bool) {
	raw, ok := r.spec[section]
	return raw, ok
}

// Status returns a section of the status.
func (r *Resource) Status(section string) (json.RawMessage, bool) {
	raw, ok := r.status[section]
	return raw, ok
}

// SetStatus replaces a section of the status and nothing else.
func (r *Resource) SetStatus(section string, value json.RawMessage) error {
	if r.status == nil {
		r.status = map[string]json.RawMessage{}
	}
	r.status[section] = value
	raw, err := json.Marshal(r.status)
	r.fields["status"] = raw
	return err
}
