package artifact

import (
	"encoding/json"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"havn/firmware"
	"havn/link"
)

// attestation marks what BuildKit puts into an index beside an image.
const attestation = "vnd.docker.reference.type"

// Document is a manifest or an index: the list that it has says which.
type Document struct {
	Manifests   []v1.Descriptor   `json:"manifests"`
	Layers      []v1.Descriptor   `json:"layers"`
	Annotations map[string]string `json:"annotations"`
}

// Parse reads a manifest or an index. A document that could be taken for both is
// refused, as OCI image-spec 1.1 asks.
func Parse(b []byte) (Document, error) {
	var doc Document
	if err := json.Unmarshal(b, &doc); err != nil {
		return doc, fmt.Errorf("%w: manifest: %w", firmware.ErrInvalid, err)
	}
	switch {
	case doc.Manifests != nil && doc.Layers != nil:
		return doc, fmt.Errorf("%w: manifest with both manifests and layers", firmware.ErrInvalid)
	case doc.Manifests == nil && len(doc.Layers) == 0:
		return doc, fmt.Errorf("%w: manifest without layers", firmware.ErrInvalid)
	}
	return doc, nil
}

// IsIndex reports whether the document lists manifests.
func (d Document) IsIndex() bool { return d.Manifests != nil }

// Only returns the one manifest of an index.
func (d Document) Only() (v1.Hash, error) {
	var found []v1.Descriptor
	for _, m := range d.Manifests {
		if m.Annotations[attestation] == "" {
			found = append(found, m)
		}
	}
	if len(found) == 1 {
		return found[0].Digest, nil
	}
	return v1.Hash{}, fmt.Errorf("%w: an index of %d manifests, name one of them by its digest:%s",
		firmware.ErrInvalid, len(found), list(found))
}

func list(manifests []v1.Descriptor) string {
	const most = 8
	var b strings.Builder
	for i, d := range manifests {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(manifests)-most)
			break
		}
		fmt.Fprintf(&b, " %s", d.Digest)
		if d.Platform != nil {
			fmt.Fprintf(&b, " (%s)", link.Clip(d.Platform.String(), maxText))
		}
	}
	return b.String()
}
