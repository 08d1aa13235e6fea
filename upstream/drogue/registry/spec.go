package registry

import (
	"encoding/json"
	"fmt"

	"havn/firmware"
)

// section is the name of the firmware section, in spec and in status.
const section = "firmware"

// aliases are kinds under the other names that Drogue Cloud has for them.
var aliases = map[string]string{"oci": "container"}

// parseSpec reads a spec.firmware section: an object with exactly one key,
// the kind of source. Every error wraps firmware.ErrInvalid.
func parseSpec(kinds firmware.Kinds, raw json.RawMessage) (firmware.Spec, error) {
	spec, err := kinds.Parse(canonical(raw))
	if err == nil {
		err = spec.Validate()
	}
	if err != nil {
		return firmware.Spec{}, fmt.Errorf("spec.firmware: %w", err)
	}
	return spec, nil
}

// canonical returns a section under the name of its kind.
func canonical(raw json.RawMessage) []byte {
	var sections map[string]json.RawMessage
	if err := json.Unmarshal(raw, &sections); err != nil || len(sections) != 1 {
		return raw
	}
	for alias, kind := range aliases {
		body, ok := sections[alias]
		if !ok {
			continue
		}
		if text, err := json.Marshal(map[string]json.RawMessage{kind: body}); err == nil {
			return text
		}
	}
	return raw
}
