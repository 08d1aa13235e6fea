package chirpstack

import (
	"testing"

	"havn/lorawan/event"
)

func BenchmarkDecode(b *testing.B) {
	for _, e := range encodings(b) {
		b.Run(e.name, func(b *testing.B) {
			payload := e.sample(b, "up")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.codec.Decode(e.topic("up"), payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	e := encodings(b)[0]
	d := downlink(e.device())
	d.Payload = make([]byte, event.MaxPayload)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := e.codec.Encode(d); err != nil {
			b.Fatal(err)
		}
	}
}
