package oci

import "sync"

// maxKnown bounds the repositories, and the manifests, that are remembered. Each
// takes less than 1 KiB.
const maxKnown = 1024

// bounded is a map of at most maxKnown entries. A full map forgets any entry: the
// entry can be asked for again.
type bounded[V any] struct {
	mu sync.Mutex
	m  map[string]V
}

func (b *bounded[V]) get(key string) (V, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v, ok := b.m[key]
	return v, ok
}

func (b *bounded[V]) put(key string, v V) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.m == nil {
		b.m = map[string]V{}
	}
	if _, held := b.m[key]; !held && len(b.m) >= maxKnown {
		for victim := range b.m {
			delete(b.m, victim)
			break
		}
	}
	b.m[key] = v
}

func (b *bounded[V]) drop(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.m, key)
}
