package mqtt

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"havn/bench/device"
	"havn/dfu"
	"havn/front"
	"havn/front/mqtt"
	"havn/update/updatetest"
)

// TestMQTT: devices of both versions and both QoS update over the gateway's front, and
// have nothing to complain about.
func TestMQTT(t *testing.T) {
	fw := updatetest.New("2.0.0", 10_007)
	f, err := mqtt.New(mqtt.Setup{Config: mqtt.Config{Listen: "127.0.0.1:0"}},
		front.Parts{Engine: fw.Engine(t), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = f.Run(ctx) })
	defer run.Wait()
	defer cancel()
	for _, version := range []byte{V311, V5} {
		for qos := range byte(2) {
			link := &Transport{
				Address: f.Addr().String(), Device: dfu.Device{Application: updatetest.Application, Name: fmt.Sprintf("d%%@%d%d", version, qos)},
				Version: version, QoS: qos, MaxPacket: 600,
			}
			var image []byte
			d, err := device.New(device.Config{Version: "1.0.0"}, link)
			if err != nil {
				t.Fatal(err)
			}
			result, err := d.Run(t.Context())
			if image = d.Image(); err != nil || len(result.Violations) > 0 || !bytes.Equal(image, fw.Data) {
				t.Errorf("version %d, QoS %d: %v, %v, %d bytes", version, qos, err, result.Violations, len(image))
			}
			_ = link.Close()
		}
	}
}
