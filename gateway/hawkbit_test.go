package gateway

import (
	"bytes"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"havn/bench/device"
	"havn/dfu"
	"havn/gateway/config"
	"havn/status"
	"havn/update"
	"havn/upstream/hawkbit"
	"havn/upstream/hawkbit/hawkbittest"
)

// withHawkbit adds a stand-in for hawkBit to cfg, whose controllers "a" and "b"
// are the devices of these names.
func withHawkbit(t *testing.T, cfg *config.Config) *hawkbittest.Server {
	t.Helper()
	server := hawkbittest.New(hawkbittest.Config{GatewayToken: "secret", Sleep: "00:00:30"})
	front := httptest.NewUnstartedServer(server)
	front.Config.SetKeepAlivesEnabled(false) // a connection that idles would stop fake time
	front.Start()
	t.Cleanup(front.Close)
	cfg.Firmware.Hawkbit.URL = front.URL
	cfg.Firmware.Hawkbit.GatewayTokenFile = filepath.Join(t.TempDir(), "token")
	write(t, cfg.Firmware.Hawkbit.GatewayTokenFile, []byte("secret"))
	for _, name := range []string{"a", "b"} {
		cfg.Firmware.Desired = append(cfg.Firmware.Desired, config.Rule{
			Application: "app", Device: name, Hawkbit: &hawkbit.Ref{Controller: name},
		})
	}
	return server
}

func assign(s *hawkbittest.Server, controller, version string, data []byte) (action int) {
	return s.Assign(hawkbittest.Assignment{
		Controller: controller, Modules: hawkbittest.Firmware(version, "fw.bin", data),
	})
}

// TestHawkbitUpdates plays the whole: devices update over CoAP, and their actions
// end when they report what they were to run, not before.
func TestHawkbitUpdates(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	server := withHawkbit(t, &cfg)
	data := bytes.Repeat([]byte("hawk"), 2500)
	actions := map[string]int{"a": assign(server, "a", "v2", data), "b": assign(server, "b", "v2", data)}
	r := start(t, cfg, nil)
	for name, mode := range map[string]string{"a": "write", "b": "block"} {
		id := actions[name]
		early := func(offset, size uint32) {
			if a := server.Action(id); !a.Active {
				t.Errorf("%s: ended as %s at byte %d of %d", mode, a.Status, offset, size)
			}
		}
		d, _ := r.update(mode, name, device.Config{Progress: early})
		if !bytes.Equal(d.Image(), data) {
			t.Errorf("%s: the device got other bytes", mode)
		}
		eventually(t, mode+": its action has ended", func() bool { return !server.Action(id).Active })
		entries := server.Action(id).Entries
		last := entries[len(entries)-1]
		if last.Status != hawkbittest.Finished || !slices.Equal(last.Messages, []string{"the device runs v2"}) {
			t.Errorf("%s: %+v", mode, last)
		}
	}
	downloads := 0
	for _, id := range actions {
		downloads += count(server, id, hawkbittest.Download)
	}
	if downloads != 1 {
		t.Errorf("%d downloads of one image", downloads)
	}
}

// count counts the entries of a status.
func count(s *hawkbittest.Server, action int, status string) (n int) {
	for _, e := range s.Action(action).Entries {
		if e.Status == status {
			n++
		}
	}
	return n
}

// plant is a gateway in fake time whose firmware hawkBit assigns. Its devices
// speak to the engine; only hawkBit is behind a real connection.
type plant struct {
	*running
	t      *testing.T
	cfg    config.Config
	server *hawkbittest.Server
}

func inPlant(t *testing.T, f func(t *testing.T, p *plant)) {
	t.Helper()
	cfg := testConfig(t)
	cfg.CoAP.Listen, cfg.Admin.Listen = "", ""
	cfg.Update.Retry, cfg.Update.Poll, cfg.Firmware.Refresh = 5*time.Second, 5*time.Minute, 10*time.Second
	server := withHawkbit(t, &cfg)
	synctest.Test(t, func(t *testing.T) { f(t, &plant{t: t, cfg: cfg, server: server}) })
}

// run starts the gateway, or another one in place of it.
func (p *plant) run() {
	p.t.Helper()
	if p.running != nil {
		p.stop()
	}
	p.running = start(p.t, p.cfg, nil)
	p.tick()
}

// tick lets pass what it takes until all have heard of all.
func (p *plant) tick() {
	time.Sleep(2 * time.Minute)
	synctest.Wait()
}

// ask sends a Status of device "a": what it runs, and how far it is in what.
func (p *plant) ask(runs, to string, offset uint32) dfu.Command {
	return p.send(dfu.Status{
		Version: []byte(runs), Updating: to != "", Update: dfu.Progress{Version: []byte(to), Offset: offset},
	}, update.Limits{Payload: 1100, Write: 1024, Align: 4})
}

func (p *plant) send(st dfu.Status, l update.Limits) dfu.Command {
	now := time.Now()
	return p.engine.Request(p.engine.Lookup("coap", []byte("app"), []byte("a"), now), &st, l, now)
}

func (p *plant) expect(cmd dfu.Command, op dfu.Op, what string) {
	p.t.Helper()
	if cmd.Op != op {
		p.t.Fatalf("%s: got %v (%s), want %v", what, cmd.Op, p.view().Error, op)
	}
}

func (p *plant) view() status.Status {
	p.t.Helper()
	v, err := p.engine.Device(dfu.Device{Application: "app", Name: "a"})
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

// wantAction compares the status of an action.
func (p *plant) wantAction(id int, status string) {
	p.t.Helper()
	if a := p.server.Action(id); a.Status != status {
		p.t.Fatalf("action %d is %s: %+v", id, a.Status, a.Entries)
	}
}

// TestHawkbitEntries requires that a long update in small chunks stays far from
// the entries that an action may have.
func TestHawkbitEntries(t *testing.T) {
	inPlant(t, func(t *testing.T, p *plant) {
		data := bytes.Repeat([]byte("havn"), 1<<18)
		id := assign(p.server, "a", "v2", data)
		p.run()
		chunks := 0
		st, limits := dfu.Status{Version: []byte("v1"), MTU: 51}, update.Limits{Payload: 200, Write: 1024}
		cmd := p.send(st, limits)
		for ; cmd.Op == dfu.OpWrite; cmd = p.send(st, limits) {
			chunks++
			st.Updating = true
			st.Update = dfu.Progress{Version: []byte("v2"), Offset: cmd.Offset + uint32(len(cmd.Data))}
			time.Sleep(50 * time.Millisecond)
		}
		p.expect(cmd, dfu.OpSwap, "all chunks")
		p.tick()
		p.wantAction(id, hawkbittest.Running)
		p.ask("v2", "", 0)
		p.tick()
		p.wantAction(id, hawkbittest.Finished)
		n := len(p.server.Action(id).Entries)
		t.Logf("%d bytes in %d chunks: %d entries", len(data), chunks, n)
		if chunks != (len(data)+50)/51 || n >= 100 || count(p.server, id, hawkbittest.Running) < 20 {
			t.Errorf("%d chunks, %+v", chunks, p.server.Action(id).Entries)
		}
	})
}
