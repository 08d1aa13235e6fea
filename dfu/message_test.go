package dfu_test

import (
	"testing"

	"havn/dfu"
)

func TestNames(t *testing.T) {
	for op, want := range map[dfu.Op]string{
		dfu.OpWait: "wait", dfu.OpSync: "sync", dfu.OpWrite: "write", dfu.OpSwap: "swap",
		4: "unknown",
	} {
		if got := op.String(); got != want {
			t.Errorf("Op(%d) is %q, want %q", uint8(op), got, want)
		}
	}
	if got := (dfu.Device{Application: "edge", Name: "a1"}).String(); got != "edge/a1" {
		t.Errorf("device is %q, want edge/a1", got)
	}
}
