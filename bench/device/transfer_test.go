package device

import (
	"bytes"
	"errors"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/coap/block"
)

// blockResponse is one block of an image, as a server should send it.
func blockResponse(m Manifest, v block.Value, payload []byte) Response {
	return Response{Code: codes.Content, Payload: payload, Options: message.Options{
		{ID: message.ETag, Value: m.Digest.ETag()},
		{ID: message.Block2, Value: v.Append(nil)},
		uintOption(message.Size2, m.Size),
	}}
}

func without(r Response, id message.OptionID) Response {
	r.Options = append(message.Options(nil), r.Options...).Remove(id)
	return r
}

func with(r Response, id message.OptionID, value ...byte) Response {
	r = without(r, id)
	r.Options = r.Options.Add(message.Option{ID: id, Value: value})
	return r
}

func TestTransferViolations(t *testing.T) {
	image := make([]byte, 100) // blocks of 32 bytes: 0, 1, 2 and a last one of 4
	m := Manifest{Size: 100, Digest: sum(image)}
	first := blockResponse(m, block.Value{M: true, SZX: 1}, image[:32])
	second := blockResponse(m, block.Value{NUM: 1, M: true, SZX: 1}, image[32:64])
	alone := func(v block.Value, payload []byte) []Response {
		return []Response{blockResponse(m, v, payload)}
	}
	tests := []struct {
		name   string
		blocks []Response
		want   Kind
	}{
		{"another number", []Response{first, first}, BlockMismatch},
		{"no Block2", []Response{first, without(second, message.Block2)}, BlockMismatch},
		{"too much without Block2",
			[]Response{without(blockResponse(m, block.Value{}, image), message.Block2)}, BlockMismatch},
		{"larger block", alone(block.Value{M: true, SZX: 2}, image[:64]), BlockMismatch},
		{"SZX 7", []Response{with(first, message.Block2, 0x0f)}, BlockMismatch},
		{"short block", alone(block.Value{M: true, SZX: 1}, image[:31]), BlockMismatch},
		{"long block", alone(block.Value{M: true, SZX: 1}, image[:33]), BlockMismatch},
		{"empty block",
			[]Response{first, blockResponse(m, block.Value{NUM: 1, SZX: 1}, nil)}, BlockMismatch},
		{"end too early", alone(block.Value{SZX: 1}, image[:32]), BlockMismatch},
		{"no Size2", []Response{without(first, message.Size2)}, BlockMismatch},
		{"another Size2", []Response{with(first, message.Size2, 99)}, BlockMismatch},
		{"no ETag", []Response{without(first, message.ETag)}, ETagMissing},
		{"no ETag later", []Response{first, without(second, message.ETag)}, ETagMissing},
		{"another ETag", []Response{first, with(second, message.ETag, 1)}, ETagChanged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tr := &transfer{szx: 1, want: &m}
			var err error
			for i, resp := range tt.blocks {
				if err != nil {
					t.Fatalf("block %d: %v", i-1, err)
				}
				_, err = tr.take(resp)
			}
			var v Violation
			if !errors.As(err, &v) || v.Kind != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestTransferBeyondItsSize(t *testing.T) {
	m := Manifest{Size: 20}
	tr := &transfer{szx: 1, want: &m}
	_, err := tr.take(blockResponse(m, block.Value{M: true, SZX: 1}, make([]byte, 32)))
	var v Violation
	if !errors.As(err, &v) || v.Kind != BlockMismatch {
		t.Errorf("got %v", err)
	}
	manifest := &transfer{szx: 6}
	resp := blockResponse(m, block.Value{M: true, SZX: 6}, make([]byte, 1024))
	if _, err := manifest.take(resp); err != nil {
		t.Fatal(err)
	}
	resp = blockResponse(m, block.Value{NUM: 1, SZX: 6}, make([]byte, 1))
	if _, err := manifest.take(resp); !errors.As(err, &v) || v.Kind != Overrun {
		t.Errorf("a long manifest: %v", err)
	}
}

func TestTransferKeepsTheOffsetWhenTheSizeIsLowered(t *testing.T) {
	image := newOrigin(1024 + 2*256 + 64 + 50).image
	m := Manifest{Size: uint32(len(image)), Digest: sum(image)}
	tr := &transfer{szx: block.MaxSZX, want: &m}
	limits := []block.SZX{6, 4, 4, 2, 0}
	for i, more := 0, true; more; i++ {
		asked := requestedBlock(t, tr)
		v := asked.Within(limits[min(i, len(limits)-1)])
		end := min(int(v.Offset())+v.SZX.Size(), len(image))
		v.M = end < len(image)
		var err error
		if more, err = tr.take(blockResponse(m, v, image[v.Offset():end])); err != nil {
			t.Fatalf("request %+v: %v", asked, err)
		}
	}
	if !bytes.Equal(tr.body, image) || tr.szx != 0 {
		t.Errorf("%d bytes, SZX %d", len(tr.body), tr.szx)
	}
}

func requestedBlock(t *testing.T, tr *transfer) block.Value {
	t.Helper()
	for _, o := range tr.next().Options {
		if o.ID == message.Block2 {
			v, err := block.Parse(o.Value)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatal("a request without Block2")
	return block.Value{}
}

func FuzzTransfer(f *testing.F) {
	m := Manifest{Size: 40, Digest: sum(make([]byte, 40))}
	f.Add([]byte{0x09}, m.Digest.ETag(), []byte{40}, make([]byte, 32))
	f.Add([]byte{0x10}, []byte{}, []byte{}, make([]byte, 8))
	f.Fuzz(func(t *testing.T, block2, etag, size2, payload []byte) {
		tr := &transfer{szx: 1, want: &m}
		more, err := tr.take(Response{Payload: payload, Options: message.Options{
			{ID: message.ETag, Value: etag}, {ID: message.Block2, Value: block2},
			{ID: message.Size2, Value: size2},
		}})
		if err == nil && (len(tr.body) > 40 || more == (len(tr.body) == 40)) {
			t.Errorf("%d bytes taken, more %v", len(tr.body), more)
		}
	})
}

func TestParseManifest(t *testing.T) {
	o := newOrigin(7)
	full := o.manifest()
	got, err := ParseManifest(full)
	want := Manifest{Version: "2.0", Size: 7, Digest: sum(o.image), Path: "/fw/app/dev"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for n := range full {
		if _, err := ParseManifest(full[:n]); err == nil {
			t.Errorf("the first %d bytes were accepted", n)
		}
	}
	if _, err := ParseManifest(append(full, 0)); err == nil {
		t.Error("a trailing byte was accepted")
	}
}

func TestParseManifestIsStrict(t *testing.T) {
	digest := make([]byte, 32)
	tests := map[string]map[string]any{
		"missing key":   {"version": []byte("1"), "size": 1, "digest": digest},
		"short digest":  {"version": []byte("1"), "size": 1, "digest": digest[:31], "path": ""},
		"long digest":   {"version": []byte("1"), "size": 1, "digest": make([]byte, 33), "path": ""},
		"text version":  {"version": "1", "size": 1, "digest": digest, "path": ""},
		"array version": {"version": []int{49}, "size": 1, "digest": digest, "path": ""},
		"negative size": {"version": []byte("1"), "size": -1, "digest": digest, "path": ""},
		"large size":    {"version": []byte("1"), "size": int64(1) << 32, "digest": digest, "path": ""},
		"float size":    {"version": []byte("1"), "size": 1.5, "digest": digest, "path": ""},
		"byte path":     {"version": []byte("1"), "size": 1, "digest": digest, "path": []byte{}},
	}
	for name, m := range tests {
		b, err := cbor.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var v Violation
		if _, err := ParseManifest(b); !errors.As(err, &v) || v.Kind != Undecodable {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add(newOrigin(7).manifest())
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err != nil && m != (Manifest{}) {
			t.Errorf("%x: %+v with %v", b, m, err)
		}
	})
}
