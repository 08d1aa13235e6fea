package coap

import (
	"testing"

	"github.com/plgd-dev/go-coap/v3/message"

	codec "havn/coap/message"
	"havn/dfu"
	"havn/front"
)

// hot are the requests of which devices send thousands.
func hot(w *world) map[string]msg {
	short := "/blob/" + w.images["blinky"].Digest.Hex()[:16]
	writing := dfu.Status{Version: []byte("1"), Updating: true,
		Update: dfu.Progress{Version: []byte("2-blinky"), Offset: 2048}}.Append(nil)
	return map[string]msg{
		"Block2 1024":  get("/fw/edge/blinky", block2(2, 6)),
		"Block2 64":    get("/fw/edge/blinky", block2(33, 2)),
		"Block2 first": get("/fw/edge/blinky", block2(0, 6)),
		"Block2 NON":   get("/fw/edge/blinky", block2(2, 6)).non(),
		"Block2 blob":  get(short, block2(2, 6)),
		"Status Write": post("/v1/dfu", writing, query("device=blinky")),
		"Status form":  post("/v1/dfu", writing, query("application=edge&device=blinky&ct=30")),
		"Status user":  post("/v1/dfu", writing, basicAuth("blinky@edge:secret")),
		"2.03":         get("/fw/edge/blinky", opt{message.ETag, etagOf(w.images["blinky"])}),
		"manifest":     get("/fw/edge/blinky/manifest"),
		"discovery":    get("/.well-known/core", query("rt=havn.*")),
		"4.02":         get("/fw/edge/blinky", repeat(1000, opt{2001, "x"})...),
		"4.04":         get("/fw/edge/unknown"),
		"1000 options": get("/fw/edge/blinky", repeat(1000, opt{2000, "x"})...),
		"many blocks":  get("/fw/edge/huge", block2(0, 0)),
		"format error": msg{code: 0, token: "x"},
	}
}

func TestNoAllocations(t *testing.T) {
	profiles := []Profile{{Pattern: front.Pattern{Application: "other"}}, {Pattern: front.Pattern{Device: "a-long-pattern-of-more-than-32-bytes-*"}}}
	for _, c := range []Chunks{{}, {Profiles: profiles}} {
		w := newWorld(t, c)
		for name, m := range hot(w) {
			in, dst := m.bytes(), make([]byte, 0, codec.MaxSize)
			w.handler.Handle(dst, in, peer) // the device's row is made, the complaint is logged
			n := testing.AllocsPerRun(200, func() { w.handler.Handle(dst, in, peer) })
			if n != 0 {
				t.Errorf("%s, %d profiles: %v allocations", name, len(c.Profiles), n)
			}
		}
	}
}

func BenchmarkHandle(b *testing.B) {
	w := newWorld(b, Chunks{})
	for name, m := range hot(w) {
		b.Run(name, func(b *testing.B) {
			in, dst := m.bytes(), make([]byte, 0, codec.MaxSize)
			b.ReportAllocs()
			b.SetBytes(int64(len(w.handler.Handle(dst, in, peer))))
			for b.Loop() {
				w.handler.Handle(dst, in, peer)
			}
		})
	}
}
