package row

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"havn/dfu"
)

// BenchmarkFind looks up 100 000 devices in no order, as their requests come.
func BenchmarkFind(b *testing.B) {
	t := &Table{index: newIndex()}
	names := make([][]byte, 100_000)
	for i := range names {
		names[i] = fmt.Appendf(nil, "device-%06d", i)
		t.index.add(t.newRow(dfu.Device{Application: "app", Name: string(names[i])}))
	}
	rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if t.index.find([]byte("app"), names[i%len(names)]) == nil {
			b.Fatal("not found")
		}
	}
}
