package coap

import (
	"strings"
	"testing"
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
			Chunks{BlockSize: 16, WriteSize: 1, Align: 1, Profiles: []Profile{{Device: "a-*", BlockSize: 64}}}, ""},
		{"readers", Config{Readers: -1}, Chunks{}, "coap.readers"},
		{"application", Config{Application: "a/b"}, Chunks{}, "coap.application"},
		{"block_size", Config{}, Chunks{BlockSize: 48}, "chunks.coap.block_size"},
		{"block_size too large", Config{}, Chunks{BlockSize: 2048}, "chunks.coap.block_size"},
		{"block_size negative", Config{}, Chunks{BlockSize: -16}, "chunks.coap.block_size"},
		{"write_size", Config{}, Chunks{WriteSize: 1025}, "chunks.coap.write_size"},
		{"align", Config{}, Chunks{WriteSize: 4, Align: 8}, "chunks.coap.align"},
		{"profile", Config{}, Chunks{Profiles: []Profile{{}, {BlockSize: 8}}}, "profiles[1].block_size"},
		{"profile, inherited", Config{}, Chunks{Align: 8, Profiles: []Profile{{WriteSize: 4}}}, "profiles[0].align"},
		{"pattern", Config{}, Chunks{Profiles: []Profile{{Device: "[a"}}}, "profiles[0].device"},
	}
	for _, tt := range tests {
		err := tt.cfg.Validate()
		if err == nil {
			err = tt.c.Validate()
		}
		if (err == nil) != (tt.error == "") || (err != nil && !strings.Contains(err.Error(), tt.error)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.error)
		}
	}
}
