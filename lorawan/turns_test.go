package lorawan_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"havn/dfu"
	"havn/lorawan"
	"havn/lorawan/chirpstack/chirpstacktest"
	"havn/lorawan/chirpstack/chirpstacktest/wire"
	"havn/telemetry"
)

// TestUpdateWithCommands: commands come all the time, and in an update they take
// turns with firmware.
func TestUpdateWithCommands(t *testing.T) {
	for _, e := range wire.Encodings() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			s := newEdge(t, chirpstacktest.Config{Encoding: e, Seed: 3}, lorawan.Shard{})
			devices := []chirpstacktest.DeviceConfig{
				{DR: 3, UpLoss: 0.1, DownLoss: 0.1}, {DR: 5, UpLoss: 0.1, DownLoss: 0.1}, {DR: 5},
			}
			updated := make(chan struct{})
			var sender sync.WaitGroup
			sender.Go(func() { s.command(updated, len(devices)) })
			s.update(devices...)
			close(updated)
			sender.Wait()
			arrived := 0
			for _, dl := range s.Downlinks() {
				if dl.FPort == 2 && dl.Outcome == chirpstacktest.Delivered {
					arrived++
				}
			}
			if st := s.Stats(); st.WritesQueued > 1 || st.Oversize+st.Refused+st.Duplicates > 0 || arrived < 10 {
				t.Errorf("%d commands arrived, %+v", arrived, st)
			}
			t.Logf("%d commands arrived between %d Writes", arrived, s.network.Stats().Chunks.Load())
		})
	}
}

// command sends commands to the devices of an update, until it has ended.
func (s *edge) command(ended <-chan struct{}, devices int) {
	tick := time.NewTicker(15 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ended:
			return
		case <-tick.C:
			dev := dfu.Device{Application: "edge", Name: fmt.Sprintf("device-%d", n%devices+1)}
			s.inbox.Put(dev, telemetry.Command{Name: "port:2", Payload: []byte(otherPayload)})
			s.network.Wake(dev)
		}
	}
}
