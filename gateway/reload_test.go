package gateway

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"testing"
	"time"

	"havn/bench/device"
	"havn/dfu"
	"havn/gateway/config"
	"havn/upstream/file"
)

// Smaller chunks take effect in the middle of a transfer, which goes on.
func TestReloadDuringATransfer(t *testing.T) {
	t.Parallel()
	const size = 20_006
	for _, mode := range []string{"write", "block"} {
		t.Run(mode, func(t *testing.T) {
			cfg := testConfig(t)
			local, data := localFile(t, size)
			r := start(t, cfg, local)
			reloaded := false
			halve := func(offset, _ uint32) {
				if reloaded || offset < size/2 {
					return
				}
				reloaded = true
				cfg.Chunks.CoAP.BlockSize, cfg.Chunks.CoAP.WriteSize = 64, 64
				if err := r.Reload(cfg); err != nil {
					t.Error(err)
				}
			}
			d, result := r.update(mode, "d", device.Config{Progress: halve})
			if !bytes.Equal(d.Image(), data) {
				t.Error("the device got other bytes")
			}
			if most := uint64(size/1024 + size/64); result.Chunks < size/2/64 || result.Chunks > most {
				t.Errorf("%d chunks, want half of the image in chunks of 64 bytes", result.Chunks)
			}
		})
	}
}

func (r *running) target(name string) string {
	v, err := r.Engine().Device(dfu.Device{Application: "app", Name: name})
	if err != nil {
		return err.Error()
	}
	return v.Target
}

func TestReloadChangesRules(t *testing.T) {
	cfg := testConfig(t)
	cfg.Firmware.File.Directory = t.TempDir()
	r := start(t, cfg, nil)
	addFile(t, cfg, "a", "v1")
	addFile(t, cfg, "b", "v2")
	r.report("d")
	for name, version := range map[string]string{"a": "v1", "b": "v2"} {
		cfg.Firmware.Desired = []config.Rule{{File: &file.Ref{Name: name}}}
		if err := r.Reload(cfg); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the target is "+version, func() bool { return r.target("d") == version })
	}
	cfg.Firmware.Desired = nil
	if err := r.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nothing is desired", func() bool { return r.target("d") == "" })
}

// What the command line gave is not in the file: a reload must not lose it.
func TestReloadKeepsTheLocalFile(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	local, _ := localFile(t, 100)
	r := start(t, cfg, local)
	if err := r.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	r.update("write", "d", device.Config{})
}

// What is refused changes nothing.
func TestReloadRefuses(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	local, _ := localFile(t, 100)
	r := start(t, cfg, local)
	cfg.Chunks.CoAP.BlockSize = 100
	cfg.Firmware.Desired = []config.Rule{{File: &file.Ref{Name: "none"}}}
	wantError(t, r.Reload(cfg), "block_size")
	r.update("write", "d", device.Config{})
}

// addFile puts firmware into the directory of the file source.
func addFile(t *testing.T, cfg config.Config, name, version string) {
	t.Helper()
	data := []byte("firmware " + name)
	sidecar := fmt.Sprintf(`{"version":%q,"checksum":"%x","size":%d}`, version, sha256.Sum256(data), len(data))
	write(t, cfg.Firmware.File.Directory+"/"+name+".bin", data)
	write(t, cfg.Firmware.File.Directory+"/"+name+".json", []byte(sidecar))
}

// report makes the gateway know a device.
func (r *running) report(name string) {
	r.Engine().Lookup("coap", []byte("app"), []byte(name), time.Now())
	r.expect(http.StatusOK, "GET", "/api/v1/devices/app/"+name)
}
