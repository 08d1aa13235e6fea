package artifact

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"havn/firmware"
)

// verified passes on at most size bytes. It ends with io.EOF if they are exactly
// size bytes that hash to want, else with ErrDigest.
type verified struct {
	io.ReadCloser
	hash hash.Hash
	want firmware.Digest
	left int64 // bytes still expected
	err  error // what ended the reading
}

func verify(rc io.ReadCloser, want firmware.Digest, size int64) *verified {
	return &verified{ReadCloser: rc, hash: sha256.New(), want: want, left: size}
}

// Read implements io.Reader.
func (v *verified) Read(p []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	p = p[:min(int64(len(p)), v.left+1)] // one more, to notice a longer body
	n, err := v.ReadCloser.Read(p)
	if int64(n) > v.left {
		n, err = int(v.left), fmt.Errorf("%s: %w: more bytes than promised", v.want, firmware.ErrDigest)
	}
	v.left -= int64(n)
	v.hash.Write(p[:n])
	if errors.Is(err, io.EOF) {
		err = v.check()
	}
	v.err = err
	return n, err
}

// check returns io.EOF if all is as promised.
func (v *verified) check() error {
	if v.left != 0 {
		return fmt.Errorf("%s: %w: %d bytes missing", v.want, firmware.ErrDigest, v.left)
	}
	if got := firmware.Digest(v.hash.Sum(nil)); got != v.want {
		return fmt.Errorf("%s: %w: got %s", v.want, firmware.ErrDigest, got)
	}
	return io.EOF
}
