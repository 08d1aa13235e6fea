package intern_test

import (
	"sync"
	"testing"

	"havn/update/intern"
)

func TestText(t *testing.T) {
	if intern.Of("") != (intern.Text{}) || intern.Of("v1") != intern.Of("v"+"1") || intern.Of("v1") == intern.Of("v2") {
		t.Error("texts are not equal where their strings are")
	}
	for _, s := range []string{"", "v1", "\xff\x00"} {
		if got := intern.Of(s).String(); got != s {
			t.Errorf("%q came back as %q", s, got)
		}
	}
}

func TestKnownTextDoesNotAllocate(t *testing.T) {
	known := intern.Of("v1")
	n := testing.AllocsPerRun(100, func() {
		if intern.Of("v1") != known {
			t.Error("another text")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whoever numbers the same name gets the same number, at any time.
func TestNames(t *testing.T) {
	var names intern.Names
	if names.Name(0) != "" || names.Number("") != 0 {
		t.Error("0 is not the empty name")
	}
	var users sync.WaitGroup
	for range 4 {
		users.Go(func() {
			for _, name := range []string{"coap", "http", "lorawan", ""} {
				if got := names.Name(names.Number(name)); got != name {
					t.Errorf("%q came back as %q", name, got)
				}
			}
		})
	}
	users.Wait()
	if names.Number("mqtt") != 4 {
		t.Error("names were numbered more than once")
	}
}
