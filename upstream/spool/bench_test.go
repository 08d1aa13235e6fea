package spool

import (
	"fmt"
	"testing"

	"havn/upstream"
)

// flushOf is what a flush of n devices reports.
func flushOf(n int, kind upstream.Kind) (entries []upstream.Entry) {
	for i := range n {
		entries = append(entries, upstream.Entry{Line: cloud, Event: statusOf(fmt.Sprint("device-", i), kind, i)})
	}
	return entries
}

// BenchmarkSpool is the way of an event through the spool: stored in a flush of
// n, read, and struck off in rounds of 256. One op is one event.
func BenchmarkSpool(b *testing.B) {
	for _, n := range []int{1, 16, 256, 4096} {
		b.Run(fmt.Sprintf("flush=%d", n), func(b *testing.B) {
			s := open(b, b.TempDir(), Config{}, cloud)
			entries := flushOf(n, upstream.Transition)
			b.ReportAllocs()
			for i := 0; i < b.N; i += n {
				if err := s.Append(entries); err != nil {
					b.Fatal(err)
				}
				drain(b, s)
			}
		})
	}
}

func drain(b *testing.B, s *Spool) {
	for {
		round, err := s.Next(cloud, 256, everything)
		if err != nil {
			b.Fatal(err)
		}
		if len(round) == 0 {
			return
		}
		if err := s.Settle(cloud, round, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppendWhenFull is what an event costs while an upstream is away and
// each one stored needs room made.
func BenchmarkAppendWhenFull(b *testing.B) {
	s := open(b, b.TempDir(), Config{}, cloud)
	entries := flushOf(4096, upstream.Transition)
	for s.Stats().DroppedAll() == 0 {
		if err := s.Append(entries); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		for range 4 {
			if err := s.Append(entries[:1024]); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/4096, "ns/event")
}

// BenchmarkSupersede is a fleet whose progress is stored while nobody takes it.
func BenchmarkSupersede(b *testing.B) {
	s := open(b, b.TempDir(), Config{}, cloud)
	entries := flushOf(10000, upstream.Progress)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Append(entries); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10000, "ns/event")
}
