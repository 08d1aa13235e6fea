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

// TestProgress: of the bytes that a device has, all when it is in sync, and
// never more than all.
func TestProgress(t *testing.T) {
	for _, c := range []struct {
		status Status
		want   float64
		offset uint32
	}{
		{Status{State: Updating, Offset: 25, Size: 100}, 0.25, 25},
		{Status{State: Updating, Offset: 200, Size: 100}, 1, 200},
		{Status{State: InSync, Size: 100}, 1, 100},
		{Status{State: Unknown}, 0, 0},
	} {
		if c.status.SetProgress(); c.status.Progress != c.want || c.status.Offset != c.offset {
			t.Errorf("%+v, want %v at %d", c.status, c.want, c.offset)
		}
	}
}
