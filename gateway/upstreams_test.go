package gateway

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"havn/bench/device"
	"havn/dfu"
	"havn/gateway/config"
	"havn/status"
	"havn/upstream"
	"havn/upstream/drogue"
	"havn/upstream/drogue/droguetest"
	"havn/upstream/drogue/droguetest/apps"
	"havn/upstream/drogue/droguetest/wire"
)

// inCloud adds a stand-in for Drogue Cloud to cfg, with the device d of
// application app.
func inCloud(t *testing.T, cfg *config.Config) *droguetest.Cloud {
	t.Helper()
	cloud, err := droguetest.Start(droguetest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	cloud.AddUser(apps.User{Name: "me", Token: "secret"})
	cloud.PutApplication("app", "")
	cloud.PutDevice("app", "gw", `{"authentication":{"credentials":[{"pass":"secret"}]}}`, nil)
	cloud.PutDevice("app", "d", `{"gatewaySelector":{"matchNames":["gw"]}}`, nil)
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, secret, []byte("secret"))
	cfg.Upstream.Drogue.Registry = drogue.RegistryConfig{
		URL: cloud.RegistryURL, User: "me", TokenFile: secret, Refresh: time.Second,
	}
	cfg.Upstream.Drogue.Endpoints = []drogue.Endpoint{
		{URL: cloud.MQTTURL, Application: "app", Device: "gw", PasswordFile: secret},
	}
	return cloud
}

// lastStatus returns the last event of the device d.
func lastStatus(cloud *droguetest.Cloud) (s upstream.StatusBody) {
	if events := cloud.Events("app", "d"); len(events) > 0 {
		_ = json.Unmarshal(events[len(events)-1].Data, &s)
	}
	return s
}

// TestCloudAway: a device updates while the cloud is away for the whole time;
// afterwards the cloud knows how it ended, as event and as status.firmware.
func TestCloudAway(t *testing.T) {
	cfg := testConfig(t)
	cloud := inCloud(t, &cfg)
	local, _ := localFile(t, 5000)
	r := start(t, cfg, local)
	eventually(t, "the registry has said that the local file counts", func() bool { return r.knows("d") })
	for _, kind := range []droguetest.Kind{droguetest.Registry, droguetest.MQTT} {
		cloud.Set(kind, wire.Away)
	}
	r.update("write", "d", device.Config{Version: "v0"})
	if s := lastStatus(cloud); s.State == status.InSync {
		t.Fatal("the cloud was told although it was away")
	}
	for _, kind := range []droguetest.Kind{droguetest.Registry, droguetest.MQTT} {
		cloud.Set(kind, wire.Up)
	}
	eventually(t, "the event has arrived", func() bool { return lastStatus(cloud).State == status.InSync })
	eventually(t, "status.firmware is written", func() bool {
		resource, _ := cloud.Device("app", "d")
		return strings.Contains(string(resource.Status["firmware"]), `"status":"True"`)
	})
	metrics := r.expect(200, "GET", "/metrics")
	for _, want := range []string{`gateway_forwarded_total{result="delivered"}`, "gateway_spool_dropped_total 0"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
}

// knows reports whether it is known what a device should run.
func (r *running) knows(name string) bool {
	row := r.engine.Lookup("coap", []byte("app"), []byte(name), time.Now())
	_, err := r.engine.Target(row, time.Now())
	return err == nil
}

// TestCloudDesires: spec.firmware of the registry counts before a rule for all.
func TestCloudDesires(t *testing.T) {
	cfg := testConfig(t)
	cloud := inCloud(t, &cfg)
	cfg.Firmware.File.Directory = t.TempDir()
	writePair(t, cfg.Firmware.File.Directory, "cloudy", "v-cloud", 3000)
	cloud.PutApplication("app", `{"firmware":{"file":{"name":"cloudy"}}}`)
	local, _ := localFile(t, 5000)
	r := start(t, cfg, local)
	r.update("write", "d", device.Config{Version: "v0"})
	if v, err := r.engine.Device(dfu.Device{Application: "app", Name: "d"}); err != nil || v.Current != "v-cloud" {
		t.Errorf("runs %q (%v)", v.Current, err)
	}
}

// writePair writes the two files of a firmware.
func writePair(t *testing.T, dir, name, version string, n int) {
	t.Helper()
	data := make([]byte, n)
	sidecar := fmt.Sprintf(`{"version":%q,"size":%d,"checksum":"%x"}`, version, n, sha256.Sum256(data))
	for file, content := range map[string][]byte{name + ".bin": data, name + ".json": []byte(sidecar)} {
		write(t, filepath.Join(dir, file), content)
	}
}

// TestRefreshAsksTheCloud: an operator's refresh, or a reload, does not wait
// until the registry is due again.
func TestRefreshAsksTheCloud(t *testing.T) {
	cfg := testConfig(t)
	cloud := inCloud(t, &cfg)
	cfg.Upstream.Drogue.Registry.Refresh = time.Hour
	cfg.Firmware.File.Directory = t.TempDir()
	r := start(t, cfg, nil)
	r.report("d")
	r.desires(cloud, "v1")
	r.expect(http.StatusAccepted, "POST", "/api/v1/refresh")
	eventually(t, "the refresh has found v1", func() bool { return r.target("d") == "v1" })
	r.desires(cloud, "v2")
	if err := r.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the reload has found v2", func() bool { return r.target("d") == "v2" })
}

// desires makes version what the cloud desires for all.
func (r *running) desires(cloud *droguetest.Cloud, version string) {
	writePair(r.t, r.cfg.Firmware.File.Directory, version, version, 3000)
	cloud.PutApplication("app", `{"firmware":{"file":{"name":"`+version+`"}}}`)
}

// TestEventsInAFile: without a cloud, what becomes of a device and what it says is
// in the file.
func TestEventsInAFile(t *testing.T) {
	cfg := testConfig(t)
	cfg.Upstream.File.Path = filepath.Join(t.TempDir(), "events.jsonl")
	local, _ := localFile(t, 5000)
	r := start(t, cfg, local)
	r.update("write", "d", device.Config{Version: "v0"})
	r.ask(sensorPost(1))
	eventually(t, "the file says how it went", func() bool {
		text, _ := os.ReadFile(cfg.Upstream.File.Path)
		return strings.Contains(string(text), `"device":"d","kind":"transition"`) &&
			strings.Contains(string(text), `"state":"in-sync"`) &&
			strings.Contains(string(text), `"kind":"telemetry","channel":"sensor","content_type":"application/json","data":21.5}`)
	})
}
