package lorawan_test

import (
	"testing"

	"havn/dfu"
	"havn/lorawan"
	"havn/lorawan/event"
	"havn/lorawan/region"
)

type tags = event.Overrides

// TestSizes: a Write fills the downlink, and no more.
func TestSizes(t *testing.T) {
	for name, tt := range map[string]struct {
		dr, offset, want int
		change           func(*settings)
		tags             tags
	}{
		"DR0, 5-byte version": {dr: 0, offset: 100_000, want: 32},
		"DR0, small offset":   {dr: 0, offset: 4, want: 36},
		"DR3":                 {dr: 3, offset: 1000, want: 100},
		"DR5":                 {dr: 5, offset: 1000, want: 224},
		"margin": {dr: 0, offset: 1000, want: 20, change: func(s *settings) {
			s.chunks.Margin = 15
		}},
		"write size": {dr: 5, offset: 1000, want: 64, change: func(s *settings) {
			s.chunks.WriteSize = 64
		}},
		"data rate cap": {dr: 5, offset: 1000, want: 200, change: func(s *settings) {
			s.chunks.DataRates = map[int]int{5: 200, 3: 8}
		}},
		"align": {dr: 3, offset: 1024, want: 96, change: func(s *settings) {
			s.chunks.Align = 16
		}},
		"tag align":                {dr: 3, offset: 1024, want: 96, tags: tags{Align: 32}},
		"tag max payload":          {dr: 5, offset: 1000, want: 36, tags: tags{MaxPayload: 51}},
		"tag max payload is a cap": {dr: 0, offset: 1000, want: 36, tags: tags{MaxPayload: 200}},
		"tag RX1 offset":           {dr: 5, offset: 1000, want: 36, tags: tags{RX1DROffset: dfu.Some(3)}},
		"network RX1 offset": {dr: 5, offset: 1000, want: 100, change: func(s *settings) {
			s.cfg.Radio.RX1DROffset = 2
		}},
		"tag against network offset": {dr: 5, offset: 1000, want: 224, change: func(s *settings) {
			s.cfg.Radio.RX1DROffset = 2
		}, tags: tags{RX1DROffset: dfu.Some(0)}},
		"RX2": {dr: 5, offset: 1000, want: 36, change: func(s *settings) {
			s.cfg.Radio.Window = region.RX2
		}},
		"repeater": {dr: 5, offset: 1000, want: 204, change: func(s *settings) {
			s.cfg.Radio.Repeater = true
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(s *settings) {
				s.shelf = newShelf(wanted, 1<<18)
				if tt.change != nil {
					tt.change(s)
				}
			})
			up := w.uplink(tt.dr, at(tt.offset))
			up.Overrides = tt.tags
			dl, ok := w.handle(up)
			if !ok {
				t.Fatalf("silence; %s", w.log)
			}
			cmd, err := dfu.ParseCommand(dl.Payload)
			if err != nil {
				t.Fatal(err)
			}
			if n := w.write(cmd, tt.offset); n != tt.want {
				t.Errorf("%d bytes in %d, want %d", n, len(dl.Payload), tt.want)
			}
		})
	}
}

// TestMTU: the device's own limit counts as well.
func TestMTU(t *testing.T) {
	w := newWorld(t)
	st := at(64)
	st.MTU = 32
	cmd, _ := w.ask(5, st)
	if n := w.write(cmd, 64); n != 32 {
		t.Errorf("%d bytes", n)
	}
}

// TestRegionOfUplink: what ChirpStack v4 tells counts more than the
// configuration, when it is a region at all.
func TestRegionOfUplink(t *testing.T) {
	for id, want := range map[string]int{"": 36, "eu868": 36, "us915_1": 224, "our-own": 36} {
		w := newWorld(t, server(lorawan.ChirpStackV4))
		up := w.uplink(0, at(1000))
		up.Region = id
		dl, ok := w.handle(up)
		cmd, err := dfu.ParseCommand(dl.Payload)
		if n := len(cmd.Data); !ok || err != nil || n != want {
			t.Errorf("%q: %d bytes, want %d", id, n, want)
		}
	}
}
