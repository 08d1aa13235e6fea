package http

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"havn/telemetry"
)

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// hot returns a function that has a Status answered, as devices send thousands.
func hot(w *world, body []byte) func() {
	r := httptest.NewRequest(http.MethodPost, "/v1/dfu?ct=30", nil)
	r.Header.Set("Authorization", basicAuth("dev@edge"))
	r.Header.Set("Content-Type", "application/cbor")
	in, out := bytes.NewReader(body), discard{http.Header{}}
	r.Body, r.ContentLength = io.NopCloser(in), int64(len(body))
	return func() {
		in.Reset(body)
		clear(out.header)
		w.ServeHTTP(out, r)
	}
}

// TestAllocations guards what an answer costs beside what package net/http
// takes: the names, the query, the body and the header, and nothing per byte
// of firmware.
func TestAllocations(t *testing.T) {
	w := newWorld(t, blinky, Chunks{}, telemetry.Upstream{})
	if n := testing.AllocsPerRun(200, hot(w, at(1916))); n > 8 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkServeHTTP(b *testing.B) {
	w := newWorld(b, blinky, Chunks{}, telemetry.Upstream{})
	ask := hot(w, at(1916))
	b.ReportAllocs()
	b.SetBytes(1916)
	for b.Loop() {
		ask()
	}
}
