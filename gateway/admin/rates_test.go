package admin

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r rates
		ctx, cancel := context.WithCancel(t.Context())
		var count atomic.Uint64
		count.Store(100)
		done := make(chan error, 1)
		go func() {
			done <- r.run(ctx, func() map[string]uint64 { return map[string]uint64{"coap": count.Load()} })
		}()
		for _, want := range []float64{0, 2, 0} {
			synctest.Wait()
			if diff := cmp.Diff(map[string]float64{"coap": want}, r.now()); diff != "" {
				t.Error(diff)
			}
			if want == 0 {
				count.Add(10)
			}
			time.Sleep(rateInterval)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
