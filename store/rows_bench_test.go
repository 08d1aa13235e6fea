package store

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"havn/dfu"
	"havn/firmware"
	"havn/update/row"
)

// BenchmarkSaveRows is one step of the flusher in a file of 100 000 rows: in the
// order of the keys, as rows come that have drifted, and in none.
func BenchmarkSaveRows(b *testing.B) {
	const step = 256
	all := make([]row.Record, 100_000)
	for i := range all {
		all[i] = row.Record{
			Device: dfu.Device{Application: "app", Name: fmt.Sprintf("device-%06d", i)}, Protocol: "coap",
			Current: "1.0.0", Offset: 4096, Seen: 1_700_000_000_000_000_000,
			InFlight: &firmware.Metadata{Version: "1.1.0", Digest: firmware.Digest{1}, Size: 1 << 18},
		}
	}
	s, err := Open(b.TempDir(), firmware.Kinds{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := s.SaveRows(all, nil); err != nil {
		b.Fatal(err)
	}
	for _, order := range []string{"keys", "none"} {
		b.Run(order, func(b *testing.B) {
			b.ReportAllocs()
			before := s.db.Stats()
			for i := 0; b.Loop(); i++ {
				rows := all[i*step%(len(all)-step):][:step]
				if err := s.SaveRows(rows, nil); err != nil {
					b.Fatal(err)
				}
			}
			after := s.db.Stats()
			written := after.TxStats.GetPageAlloc() - before.TxStats.GetPageAlloc()
			b.ReportMetric(float64(written)/float64(b.N), "bytes/op")
			rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		})
	}
}
