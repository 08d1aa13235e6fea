package artifact

import (
	"archive/tar"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"havn/firmware"
	"havn/link"
)

// readers read the files of pairs.
var readers = map[string]func(*tar.Header, io.Reader) (entry, error){
	"firmware.bin": readBinary, "firmware.json": readSidecar,
	"firmware": readBinary, "metadata.json": readSidecar,
}

// OCI image-spec 1.1, layer.md "Whiteouts".
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// scan collects the files of pairs from a layer. The error of a broken archive
// wraps ErrInvalid or ErrTooLarge.
func scan(r io.Reader, layer v1.Hash) (map[string]entry, error) {
	archive, err := openTar(r)
	if err != nil {
		return nil, broken(err)
	}
	files := map[string]entry{}
	for {
		header, err := archive.Next()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, broken(err)
		}
		if err := collect(files, layer, header, archive); err != nil {
			return nil, fmt.Errorf("%q: %w", link.Clip(header.Name, maxText), err)
		}
	}
}

func collect(files map[string]entry, layer v1.Hash, header *tar.Header, r io.Reader) error {
	file := rootName(header.Name)
	if hidden, ok := strings.CutPrefix(file, whiteout); ok {
		hide(files, file, hidden)
		return nil
	}
	read := readers[file]
	if read == nil {
		return nil
	}
	if header.Typeflag != tar.TypeReg {
		files[file] = entry{hidden: true}
		return nil
	}
	if before, twice := files[file]; twice && !before.hidden {
		return fmt.Errorf("%w: twice in one layer", firmware.ErrInvalid)
	}
	e, err := read(header, r)
	e.layer = layer
	files[file] = e
	return err
}

// hide notes a whiteout. A file of the same layer wins over the whiteout.
func hide(files map[string]entry, file, hidden string) {
	for candidate := range readers {
		_, present := files[candidate]
		if !present && (file == opaque || hidden == candidate) {
			files[candidate] = entry{hidden: true}
		}
	}
}

func readBinary(header *tar.Header, r io.Reader) (entry, error) {
	if err := firmware.CheckSize(header.Size); err != nil {
		return entry{}, err
	}
	if header.Size > maxUnpacked {
		return entry{}, fmt.Errorf("%w: %d bytes, %d at most inside a tar layer",
			firmware.ErrTooLarge, header.Size, maxUnpacked)
	}
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		return entry{}, broken(err)
	}
	return entry{digest: firmware.Digest(h.Sum(nil)), size: n}, nil
}

func readSidecar(header *tar.Header, r io.Reader) (entry, error) {
	if header.Size > firmware.MaxSidecar {
		return entry{}, fmt.Errorf("%w: %d bytes of JSON, %d at most",
			firmware.ErrInvalid, header.Size, firmware.MaxSidecar)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return entry{}, broken(err)
	}
	return entry{json: b}, nil
}
