package release

import (
	"testing"

	"havn/firmware"
)

// What is published or withdrawn while a name is being learned stays so.
func TestLearnedNameDoesNotReviveATarget(t *testing.T) {
	v2 := firmware.Metadata{Version: "v2", Digest: firmware.Digest{2}}
	v3 := firmware.NewTarget(firmware.Metadata{Version: "v3", Digest: firmware.Digest{3}})
	called := v2
	called.Names = []string{"2.0.0"}
	for name, meanwhile := range map[string]*firmware.Target{"published": v3, "withdrawn": nil} {
		t.Run(name, func(t *testing.T) {
			var rel Release
			rel.target.Store(firmware.NewTarget(v2))
			rel.amend(func(target *firmware.Target) *firmware.Target {
				next := named(target, called)
				rel.target.Store(meanwhile)
				return next
			})
			if got := rel.target.Load(); got != meanwhile {
				t.Errorf("the target is %+v, want %+v", got, meanwhile)
			}
		})
	}
}

func TestLearnedNameKeepsTheOrder(t *testing.T) {
	var rel Release
	rel.target.Store(firmware.NewTarget(firmware.Metadata{Version: "v2", Order: "7"}))
	rel.amend(func(target *firmware.Target) *firmware.Target {
		return named(target, firmware.Metadata{Version: "v2", Names: []string{"2.0.0"}})
	})
	if got := rel.target.Load(); got.Order != "7" || !got.Is([]byte("2.0.0")) {
		t.Errorf("got %+v", got)
	}
}
