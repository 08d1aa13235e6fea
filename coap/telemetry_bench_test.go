package coap

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net/netip"
	"runtime/metrics"
	"sync/atomic"
	"testing"

	codec "havn/coap/message"
	"havn/coap/udp"
	"havn/telemetry"
)

// BenchmarkTelemetry is what a message of telemetry costs when several readers
// have some: each has devices of its own, and the upstream some work with each.
func BenchmarkTelemetry(b *testing.B) {
	w := newWorld(b, Chunks{})
	payload := make([]byte, 32<<10)
	var sum atomic.Uint32
	w.handler.upstream = telemetry.Upstream{Telemetry: func(_, _, _, _ string, p []byte) error {
		sum.Store(crc32.ChecksumIEEE(payload)) // some microseconds
		return nil
	}}
	var readers atomic.Uint32
	waited := waitedForMutexes()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		me := readers.Add(1)
		from := udp.Peer{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(me)}), 5683), Received: now}
		in, dst := post("/v1/sensor", []byte("21.5 0000"), query(fmt.Sprint("device=", me))).bytes(), make([]byte, 0, codec.MaxSize)
		for n := uint32(0); pb.Next(); n++ {
			binary.BigEndian.PutUint32(in[len(in)-4:], n|1<<31) // never the same, and no JSON
			if len(w.handler.Handle(dst, in, from)) == 0 {
				b.Error("no answer")
			}
		}
	})
	b.ReportMetric((waitedForMutexes()-waited)*1e9/float64(b.N), "ns-waited/op")
}

// waitedForMutexes returns the time that goroutines have waited for mutexes, in
// seconds.
func waitedForMutexes() float64 {
	sample := []metrics.Sample{{Name: "/sync/mutex/wait/total:seconds"}}
	metrics.Read(sample)
	return sample[0].Value.Float64()
}
