package coap

import (
	"strings"
	"testing"

	"havn/front"
)

func TestValidate(t *testing.T) {
	tests := []struct {
		name  string
		cfg   Config
		c     Chunks
		error string // empty = valid
	}{
		{"zero", Config{}, Chunks{}, ""},
		{"all set", Config{Listen: ":5683", Readers: 2, Application: "a"},
			Chunks{BlockSize: 16, WriteSize: 1, Align: 1, Profiles: []Profile{{Pattern: front.Pattern{Device: "a-*"}, BlockSize: 64}}}, ""},
		{"readers", Config{Readers: -1}, Chunks{}, "readers"},
		{"application", Config{Application: "a/b"}, Chunks{}, "application"},
		{"block_size", Config{}, Chunks{BlockSize: 48}, "chunks.block_size"},
		{"block_size too large", Config{}, Chunks{BlockSize: 2048}, "chunks.block_size"},
		{"block_size negative", Config{}, Chunks{BlockSize: -16}, "chunks.block_size"},
		{"write_size", Config{}, Chunks{WriteSize: 1025}, "chunks.write_size"},
		{"align", Config{}, Chunks{WriteSize: 4, Align: 8}, "chunks.write_size"},
		{"flash word", Config{}, Chunks{Align: 3}, "chunks.align"},
		{"profile", Config{}, Chunks{Profiles: []Profile{{}, {BlockSize: 8}}}, "chunks.profiles[1].block_size"},
		{"profile, inherited", Config{}, Chunks{Align: 8, Profiles: []Profile{{WriteSize: 4}}}, "chunks.profiles[0].write_size"},
		{"pattern", Config{}, Chunks{Profiles: []Profile{{Pattern: front.Pattern{Device: "[a"}}}}, "chunks.profiles[0].device"},
	}
	for _, tt := range tests {
		faults := tt.cfg.WithDefaults().Validate()
		faults.Below("chunks", tt.c.WithDefaults().Validate())
		err := faults.Err()
		if (err == nil) != (tt.error == "") || (err != nil && !strings.HasPrefix(err.Error(), tt.error+": ")) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.error)
		}
	}
}
