package status

import "testing"

func TestValid(t *testing.T) {
	for _, s := range States {
		if !s.Valid() {
			t.Errorf("%s is none of the states", s)
		}
	}
	for _, s := range []State{"", "insync", "in-sync "} {
		if s.Valid() {
			t.Errorf("%q is one of the states", s)
		}
	}
}
