package hawkbit

import (
	"encoding/json"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"havn/firmware"
)

// text is a JSON string or number: servers differ in how they write IDs.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	if b[0] != '"' {
		var n json.Number
		err := json.Unmarshal(b, &n)
		*t = text(n)
		return err
	}
	return json.Unmarshal(b, (*string)(t))
}

// poll is the controller's base resource.
type poll struct {
	Config struct {
		Polling struct {
			Sleep text `json:"sleep"`
		} `json:"polling"`
	} `json:"config"`
	Links links `json:"_links"`
}

// cancel is a cancelAction resource.
type cancel struct {
	CancelAction struct {
		StopID text `json:"stopId"`
	} `json:"cancelAction"`
}

// deployment is a deploymentBase or installedBase resource.
type deployment struct {
	Deployment struct {
		Download string  `json:"download"`          // skip, attempt or forced
		Update   string  `json:"update"`            // skip, attempt or forced
		Window   string  `json:"maintenanceWindow"` // available, unavailable; empty: the action has none
		Chunks   []chunk `json:"chunks"`
	} `json:"deployment"`
}

// Words that say: not now.
const (
	skip        = "skip"        // download, update
	unavailable = "unavailable" // maintenanceWindow
)

// chunk is a software module.
type chunk struct {
	Part      string     `json:"part"` // the module's type
	Version   text       `json:"version"`
	Name      string     `json:"name"`
	Artifacts []artifact `json:"artifacts"`
}

type artifact struct {
	Filename string `json:"filename"`
	Hashes   struct {
		SHA256 string `json:"sha256"`
	} `json:"hashes"`
	Size  int64 `json:"size"`
	Links links `json:"_links"`
}

// problem is the body of most errors.
type problem struct {
	ErrorCode string `json:"errorCode"`
}

// parse reads a JSON object; unknown keys are ignored. Its error has no sentinel:
// what does not parse comes from something else than the server.
func parse[T any](b []byte) (T, error) {
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		return v, fmt.Errorf("the server's answer is not of its API: %w", err)
	}
	return v, nil
}

// choice is one artifact with the module it belongs to.
type choice struct {
	chunk
	artifact
}

// choose returns the only artifact that matches the pattern.
func (d *deployment) choose(pattern string) (choice, error) {
	var all []string
	var found []choice
	for _, c := range d.Deployment.Chunks {
		for _, a := range c.Artifacts {
			all = append(all, c.Part+"/"+a.Filename)
			if matches(pattern, c.Part, a.Filename) {
				found = append(found, choice{c, a})
			}
		}
	}
	if len(found) != 1 {
		slices.Sort(all)
		return choice{}, fmt.Errorf(
			"%w: %d artifacts match %q, want 1 of: %s: set firmware.hawkbit.artifact",
			firmware.ErrInvalid, len(found), pattern, clip(strings.Join(all, ", "), 200))
	}
	return found[0], nil
}

func matches(pattern, part, filename string) bool {
	if strings.Contains(pattern, "/") {
		filename = part + "/" + filename
	}
	ok, err := path.Match(pattern, filename)
	return ok && err == nil
}

// metadata returns the firmware that was chosen, without its origin.
func (c choice) metadata() (firmware.Metadata, error) {
	m := firmware.Metadata{Version: string(c.Version)}
	name := clip(c.Filename, 64)
	if c.Hashes.SHA256 == "" {
		return m, fmt.Errorf("%w: the server gives no sha256 of %s: "+
			"upload it to a server that computes one", firmware.ErrInvalid, name)
	}
	digest, err := firmware.ParseDigest(c.Hashes.SHA256)
	switch {
	case err != nil:
		return m, fmt.Errorf("%w: sha256 of %s: %w", firmware.ErrInvalid, name, err)
	case c.Size <= 0:
		return m, fmt.Errorf("%w: size of %s is 0 or missing", firmware.ErrInvalid, name)
	case c.Size > math.MaxUint32:
		return m, fmt.Errorf("%w: %s has %d bytes", firmware.ErrTooLarge, name, c.Size)
	case len(m.Version) > firmware.MaxVersion:
		return m, fmt.Errorf("%w: version %.16q... has %d bytes, %d at most",
			firmware.ErrInvalid, m.Version, len(m.Version), firmware.MaxVersion)
	}
	m.Digest, m.Size = digest, uint32(c.Size)
	if m.Version == "" {
		m.Version = digest.Short()
	}
	return m, nil
}

// clip cuts a text to n bytes of valid UTF-8 without control characters.
func clip(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}
