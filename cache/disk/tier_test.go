package disk

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"testing"
	"time"

	"havn/firmware"
)

var now = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, budget int64) *Tier {
	t.Helper()
	tier, err := Open(t.TempDir(), budget, now)
	if err != nil {
		t.Fatal(err)
	}
	return tier
}

func metadata(data []byte) firmware.Metadata {
	return firmware.Metadata{Digest: sha256.Sum256(data), Size: uint32(len(data))}
}

// download brings data into tier as the image of m.
func download(t *testing.T, tier *Tier, m firmware.Metadata, data []byte) error {
	t.Helper()
	d, err := tier.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Discard()
	if err := d.Receive(m, bytes.NewReader(data)); err != nil {
		return err
	}
	return d.Commit(m.Digest)
}

func TestDownloadAndRead(t *testing.T) {
	tier, data := open(t, 1000), []byte("the firmware")
	m := metadata(data)
	if err := download(t, tier, m, data); err != nil {
		t.Fatal(err)
	}
	if got, err := tier.Read(m); err != nil || !bytes.Equal(got, data) {
		t.Errorf("read %q, %v", got, err)
	}
	m.Size++
	if _, err := tier.Read(m); !errors.Is(err, firmware.ErrInvalid) {
		t.Errorf("wrong metadata of a sound file: %v, want ErrInvalid", err)
	}
}

// TestPrefixesFail: neither a download nor a file that ends early is taken for
// the image.
func TestPrefixesFail(t *testing.T) {
	tier, data := open(t, 1000), []byte("the firmware")
	m := metadata(data)
	for n := range len(data) {
		if err := download(t, tier, m, data[:n]); !errors.Is(err, firmware.ErrDigest) {
			t.Errorf("download of %d bytes: %v, want ErrDigest", n, err)
		}
		if err := os.WriteFile(tier.Path(m.Digest), data[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := tier.Read(m); !errors.Is(err, firmware.ErrDigest) {
			t.Errorf("file of %d bytes: %v, want ErrDigest", n, err)
		}
	}
	if err := download(t, tier, m, append(data, '!')); !errors.Is(err, firmware.ErrDigest) {
		t.Errorf("download of a byte more: %v, want ErrDigest", err)
	}
}

// TestReserve removes the files least recently used, or none.
func TestReserve(t *testing.T) {
	tier := open(t, 100)
	var all []firmware.Digest
	for i := range 4 {
		d := firmware.Digest{byte(i + 1)}
		tier.Add(d, 25, now.Add(-time.Duration(i)*time.Minute))
		all = append(all, d)
	}
	every := func(Entry) bool { return true }
	butOldest := func(e Entry) bool { return e.Digest != all[3] }
	if err := tier.Reserve(firmware.Digest{9}, 80, butOldest); !errors.Is(err, firmware.ErrNoRoom) {
		t.Errorf("%v, want ErrNoRoom", err)
	}
	if len(tier.Entries()) != 4 || tier.Bytes() != 100 {
		t.Errorf("%d files of %d bytes after a refusal, want all 4", len(tier.Entries()), tier.Bytes())
	}
	if err := tier.Reserve(firmware.Digest{9}, 30, every); err != nil {
		t.Fatal(err)
	}
	if !tier.Has(all[0]) || !tier.Has(all[1]) || tier.Has(all[2]) || tier.Has(all[3]) || tier.Bytes() != 80 {
		t.Errorf("left: %+v, %d bytes", tier.Entries(), tier.Bytes())
	}
	if tier.Cancel(firmware.Digest{9}); tier.Bytes() != 50 {
		t.Errorf("%d bytes after the download was given up, want 50", tier.Bytes())
	}
}

// TestRefusingDisk: what a disk did not take is not lost.
func TestRefusingDisk(t *testing.T) {
	tier, data := open(t, 1000), []byte("the firmware")
	create := tier.Create
	tier.Create = func() (File, error) {
		f, err := create()
		return full{f}, err
	}
	d, err := tier.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Discard()
	body := bytes.NewReader(data)
	if err := d.Receive(metadata(data), body); !errors.Is(err, ErrRefused) {
		t.Fatalf("%v, want ErrRefused", err)
	}
	if got, err := ReadImage(metadata(data), d.All(body)); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%q, %v, want all bytes", got, err)
	}
}

// full is a file on a disk with room for 3 bytes.
type full struct{ File }

func (f full) Write(p []byte) (int, error) {
	n, err := f.File.Write(p[:min(len(p), 3)])
	return n, errors.Join(err, errors.New("no space left"))
}
