package lorawan_test

import (
	"strings"
	"testing"

	"havn/lorawan"
	"havn/lorawan/region"
)

func TestConfigValidate(t *testing.T) {
	if err := network().Validate(); err != nil {
		t.Fatal(err)
	}
	missing := 99
	for key, change := range map[string]func(*lorawan.Config){
		"name":           func(c *lorawan.Config) { c.Name = "" },
		"server":         func(c *lorawan.Config) { c.Server = "chirpstack" },
		"application":    func(c *lorawan.Config) { c.Application = "" },
		"device_name":    func(c *lorawan.Config) { c.DeviceName = "eui" },
		"airtime_budget": func(c *lorawan.Config) { c.AirtimeBudget = 1.5 },
		"fports[1]":      func(c *lorawan.Config) { c.FPorts = []int{223, 0} },
		"fports[0]":      func(c *lorawan.Config) { c.FPorts = []int{224} },
		"mqtt.url":       func(c *lorawan.Config) { c.MQTT.URL = "127.0.0.1:1883" },
		"region":         func(c *lorawan.Config) { c.Radio.Region = "EU" },
		"rx2_dr":         func(c *lorawan.Config) { c.Radio.RX2DR = &missing },
		"window":         func(c *lorawan.Config) { c.Radio.Window = region.Window("rx3") },
	} {
		c := network()
		change(&c)
		if err := c.Validate().Err(); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestShardValidate(t *testing.T) {
	for s, ok := range map[lorawan.Shard]bool{
		{}: true, {0, 1}: true, {2, 3}: true,
		{1, 1}: false, {1, 0}: false, {-1, 3}: false, {0, -1}: false,
	} {
		if err := s.Validate(); (err == nil) != ok {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

func TestChunksValidate(t *testing.T) {
	for _, c := range []lorawan.Chunks{
		{Align: 4}, {WriteSize: 64, Margin: 15, Align: 8, DataRates: map[int]int{0: 32, 5: 200}},
	} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for key, c := range map[string]lorawan.Chunks{
		"write_size": {WriteSize: 243, Align: 4}, "margin": {Margin: 16, Align: 4}, "align": {Align: 3},
		"data_rates.16": {Align: 4, DataRates: map[int]int{16: 10}},
		"data_rates.3":  {Align: 4, DataRates: map[int]int{3: 0}},
	} {
		if err := c.Validate().Err(); err == nil || !strings.HasPrefix(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestWriteSize(t *testing.T) {
	for text, want := range map[string]lorawan.WriteSize{"auto": 0, "1": 1, "242": 242} {
		var w lorawan.WriteSize
		if err := w.UnmarshalText([]byte(text)); err != nil || w != want || w.String() != text {
			t.Errorf("%s: %v %v", text, w, err)
		}
	}
	for _, bad := range []string{"", "0", "243", "all", "-1"} {
		var w lorawan.WriteSize
		if err := w.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}
