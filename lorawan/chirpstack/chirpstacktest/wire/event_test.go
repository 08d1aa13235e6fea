package wire

import (
	"testing"
)

func TestModulation(t *testing.T) {
	for _, tt := range []struct {
		region string
		dr     int
		want   lora
	}{
		{"EU868", 0, lora{12, 125}}, {"EU868", 5, lora{7, 125}}, {"EU868", 6, lora{7, 250}},
		{"US915", 0, lora{10, 125}}, {"US915", 4, lora{8, 500}}, {"US915", 8, lora{12, 500}},
		{"US915", 13, lora{7, 500}}, {"AU915", 0, lora{12, 125}}, {"AU915", 6, lora{8, 500}},
	} {
		if got := modulation(tt.region, tt.dr); got != tt.want {
			t.Errorf("%s DR%d: %v", tt.region, tt.dr, got)
		}
	}
}
