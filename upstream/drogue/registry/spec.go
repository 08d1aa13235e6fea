package registry

import (
	"encoding/json"
	"fmt"

	"havn/firmware"
)

// section is the name of the firmware section, in spec and in status.
const section = "firmware"

// parseSpec reads a spec.firmware section: an object with exactly one key,
// the kind of source. Every error wraps firmware.ErrInvalid.
func parseSpec(raw json.RawMessage) (firmware.Spec, error) {
	var kinds map[string]json.RawMessage
	if err := json.Unmarshal(raw, &kinds); err != nil {
		return firmware.Spec{}, invalidSpec("%w", err)
	}
	if len(kinds) != 1 {
		return firmware.Spec{}, invalidSpec("%d sources: name exactly one of %s", len(kinds), sources)
	}
	var spec firmware.Spec
	for kind, body := range kinds {
		if err := parseSource(&spec, kind, body); err != nil {
			return firmware.Spec{}, err
		}
	}
	if err := spec.Validate(); err != nil {
		return firmware.Spec{}, fmt.Errorf("spec.firmware: %w", err)
	}
	return spec, nil
}

// sources are the kinds that parseSource knows.
const sources = "container (or oci), file, hawkbit"

func parseSource(spec *firmware.Spec, kind string, body json.RawMessage) error {
	var to any
	switch kind {
	case "container", "oci":
		spec.Container = new(firmware.ContainerSpec)
		to = spec.Container
	case "file":
		spec.File = new(firmware.FileSpec)
		to = spec.File
	case "hawkbit":
		spec.Hawkbit = new(firmware.HawkbitSpec)
		to = spec.Hawkbit
	default:
		return invalidSpec("unknown source %q: want one of %s", kind, sources)
	}
	if err := json.Unmarshal(body, to); err != nil {
		return invalidSpec("%s: %w", kind, err)
	}
	return nil
}

func invalidSpec(format string, args ...any) error {
	return fmt.Errorf("spec.firmware: %w: %w", firmware.ErrInvalid, fmt.Errorf(format, args...))
}
