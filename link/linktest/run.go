package linktest

import (
	"context"
	"sync"
	"testing"
	"time"
)

// Run runs f until the test ends, or the function returned is called. It fails the test
// if f does not end soon after its context.
func Run(t testing.TB, f func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-done:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(5 * time.Second):
				t.Error("Run has not ended 5 s after its context")
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// Eventually waits until what returns nil.
func Eventually(t testing.TB, what func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); {
		if err = what(); err == nil {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatal(err)
}
