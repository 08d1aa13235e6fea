package firmware

// Target is firmware as it is offered to a device: what the device ends up
// running, and the bytes it is sent for that. It is immutable.
//
// The embedded Metadata is the result. The version, the checksum of a Swap and
// the ledger are about the result; offsets, the data of Writes and blocks, and
// what is held in memory are about the Transfer.
type Target struct {
	Metadata
	Transfer Transfer

	version []byte // Version once more, so that an answer needs no conversion
}

// Transfer is the bytes that a device is sent. Today they are the whole image;
// those of a delta image have a digest and a size of their own.
type Transfer struct {
	Digest Digest
	Size   uint32 // bytes
	Origin Origin
}

// NewTarget returns the offer of the whole image m.
func NewTarget(m Metadata) *Target {
	return &Target{
		Metadata: m, Transfer: Transfer{Digest: m.Digest, Size: m.Size, Origin: m.Origin},
		version: []byte(m.Version),
	}
}

// VersionBytes returns the version as it goes on the wire. Callers must not
// change it.
func (t *Target) VersionBytes() []byte { return t.version }

// Blob describes the transferred bytes as caches and sources know them: an
// image with a digest, a size and an origin.
func (t *Target) Blob() Metadata {
	return Metadata{
		Version: t.Version, Digest: t.Transfer.Digest, Size: t.Transfer.Size, Origin: t.Transfer.Origin,
	}
}
