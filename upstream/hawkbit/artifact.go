package hawkbit

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"havn/firmware"
	"havn/link"
	"havn/upstream/hawkbit/ddi"
)

// choice is one artifact with the module it belongs to.
type choice struct {
	ddi.Chunk
	ddi.Artifact
}

// choose returns the only artifact of d that matches the pattern.
func choose(d ddi.Deployment, pattern string) (choice, error) {
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
			firmware.ErrInvalid, len(found), pattern, link.Clip(strings.Join(all, ", "), 200))
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
	if c.Hashes.SHA256 == "" {
		return m, fmt.Errorf("%w: the server gives no sha256 of %s: "+
			"upload it to a server that computes one", firmware.ErrInvalid, c.file())
	}
	digest, err := firmware.ParseDigest(c.Hashes.SHA256)
	if err != nil {
		return m, fmt.Errorf("%w: sha256 of %s: %w", firmware.ErrInvalid, c.file(), err)
	}
	if err := firmware.CheckSize(c.Size); err != nil {
		return m, fmt.Errorf("%w (size of %s)", err, c.file())
	}
	if err := firmware.CheckVersion(m.Version); err != nil {
		return m, err
	}
	m.Digest, m.Size = digest, uint32(c.Size)
	if m.Version == "" {
		m.Version = digest.Short()
	}
	return m, nil
}

// file returns the name of the artifact for people.
func (c choice) file() string { return link.Clip(c.Filename, 64) }
