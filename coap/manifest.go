package coap

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"

	"havn/coap/block"
	"havn/coap/message"
	"havn/firmware"
)

// getManifest tells what the device is to run, and where it is:
//
//	{"version": bstr, "size": uint, "digest": bstr, "path": tstr}
//
// The query version=V reports what it runs now.
func (x *exchange) getManifest() error {
	row, err := x.row()
	if err != nil {
		return err
	}
	for q := range x.req.Queries {
		if version, ok := bytes.CutPrefix(q, versionIs); ok {
			x.h.engine.Report(row, version, x.peer.Received)
			break
		}
	}
	target, err := x.h.engine.Target(row, x.peer.Received)
	if err != nil {
		return err
	}
	var body [256]byte
	limit := x.profile(x.req.Path[1], x.req.Path[2]).block
	return x.sendSmall(appendManifest(body[:0], target), message.FormatCBOR, limit)
}

var versionIs = []byte("version=")

// sendSmall sends a block of a body that is made for the request.
func (x *exchange) sendSmall(body []byte, format int, limit block.SZX) error {
	var etag [8]byte
	rep := representation{etag: appendETag(etag[:0], body), format: format, body: body}
	_, err := x.send(&rep, limit)
	return err
}

// Major types of CBOR (RFC 8949 section 3.1).
const (
	cborUint  = 0 << 5
	cborBytes = 2 << 5
	cborText  = 3 << 5
	cborMap   = 5 << 5
)

// appendManifest appends the CBOR of t: the version is that of the result, all else
// is of the bytes that the device fetches.
func appendManifest(b []byte, t *firmware.Target) []byte {
	b = appendHead(b, cborMap, 4)
	b = appendString(b, cborText, "version")
	b = appendString(b, cborBytes, t.Version)
	b = appendHead(appendString(b, cborText, "size"), cborUint, t.Transfer.Size)
	digest := &t.Transfer.Digest
	b = appendHead(appendString(b, cborText, "digest"), cborBytes, uint32(len(digest)))
	b = append(b, digest[:]...)
	b = appendString(b, cborText, "path")
	b = appendHead(b, cborText, uint32(len(blobPath)+2*len(digest.ETag())))
	return hex.AppendEncode(append(b, blobPath...), digest.ETag())
}

// blobPath and 16 hex digits are the short path of an image.
const blobPath = "/blob/"

func appendString(b []byte, major byte, s string) []byte {
	return append(appendHead(b, major, uint32(len(s))), s...)
}

func appendHead(b []byte, major byte, n uint32) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n < 1<<8:
		return append(b, major|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, major|26), n)
}
