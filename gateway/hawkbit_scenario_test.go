package gateway

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"havn/dfu"
	"havn/status"
	"havn/upstream/hawkbit/hawkbittest"
)

var blinky = bytes.Repeat([]byte("blinky"), 500)

// size is that of blinky.
const size = 3000

// toSwap brings device "a" to the Swap to version.
func (p *plant) toSwap(runs, version string) {
	p.t.Helper()
	p.expect(p.ask(runs, "", 0), dfu.OpWrite, "start of "+version)
	p.expect(p.ask(runs, version, size), dfu.OpSwap, "end of "+version)
}

// TestHawkbitWindow requires that an image is written while its maintenance
// window is closed, and swapped to when it opens.
func TestHawkbitWindow(t *testing.T) {
	inPlant(t, func(t *testing.T, p *plant) {
		id := p.server.Assign(hawkbittest.Assignment{
			Controller: "a", Window: true, Modules: hawkbittest.Firmware("v2", "fw.bin", blinky),
		})
		p.run()
		p.expect(p.ask("v1", "", 0), dfu.OpWrite, "closed window")
		p.expect(p.ask("v1", "v2", size), dfu.OpWait, "closed window")
		if v := p.view(); v.State != status.Updating || !strings.Contains(v.Error, "maintenance window") {
			t.Errorf("%s: %s", v.State, v.Error)
		}
		p.tick()
		p.wantAction(id, hawkbittest.Running)
		if count(p.server, id, hawkbittest.Downloaded) != 1 {
			t.Errorf("hawkBit was not told that it is written: %+v", p.server.Action(id).Entries)
		}
		p.run() // a restart changes nothing
		p.expect(p.ask("v1", "v2", size), dfu.OpWait, "closed window after a restart")
		p.server.SetWindow(id, true)
		p.tick()
		p.expect(p.ask("v1", "v2", size), dfu.OpSwap, "open window")
		p.tick()
		p.wantAction(id, hawkbittest.Running) // nobody has seen it run yet
		p.run()
		p.server.Cancel(id)
		p.tick()
		if p.wantAction(id, hawkbittest.Running); count(p.server, id, hawkbittest.CancelRejected) != 1 {
			t.Errorf("a cancel after the swap: %+v", p.server.Action(id).Entries)
		}
		p.expect(p.ask("v2", "", 0), dfu.OpSync, "after the swap")
		p.tick()
		p.wantAction(id, hawkbittest.Finished)
	})
}

// TestHawkbitDownloadOnly requires that such an action ends when all is written,
// and that the swap waits for another one.
func TestHawkbitDownloadOnly(t *testing.T) {
	inPlant(t, func(t *testing.T, p *plant) {
		first := p.server.Assign(hawkbittest.Assignment{
			Controller: "a", Type: hawkbittest.DownloadOnly, Modules: hawkbittest.Firmware("v2", "fw.bin", blinky),
		})
		p.run()
		p.expect(p.ask("v1", "", 0), dfu.OpWrite, "download-only")
		p.expect(p.ask("v1", "v2", size), dfu.OpWait, "download-only")
		p.tick()
		p.wantAction(first, hawkbittest.Downloaded)
		p.expect(p.ask("v1", "v2", size), dfu.OpWait, "after the download")
		second := assign(p.server, "a", "v2", blinky)
		p.tick()
		p.expect(p.ask("v1", "v2", size), dfu.OpSwap, "another action")
		p.ask("v2", "", 0)
		p.tick()
		p.wantAction(second, hawkbittest.Finished)
	})
}

// TestHawkbitCancel cancels an action while a device is writing.
func TestHawkbitCancel(t *testing.T) {
	inPlant(t, func(t *testing.T, p *plant) {
		id := assign(p.server, "a", "v2", blinky)
		p.run()
		p.expect(p.ask("v1", "", 0), dfu.OpWrite, "start")
		p.server.Cancel(id)
		p.tick()
		p.wantAction(id, hawkbittest.Canceled)
		for range 2 {
			p.expect(p.ask("v1", "v2", 1024), dfu.OpWrite, "the rest of what was cancelled")
			p.expect(p.ask("v1", "v2", size), dfu.OpWait, "the end of what was cancelled")
			if v := p.view(); v.State != status.Updating || !strings.Contains(v.Error, "cancelled") {
				t.Errorf("%s: %s", v.State, v.Error)
			}
			p.run()
		}
		cmd := p.ask("v1", "", 0) // rebooted
		if p.expect(cmd, dfu.OpWait, "nothing assigned"); cmd.Poll != 300 {
			t.Errorf("poll %d", cmd.Poll)
		}
		if v := p.view(); v.State != status.Unknown || !strings.Contains(v.Error, "nothing is assigned") {
			t.Errorf("%s: %s", v.State, v.Error)
		}
		next := assign(p.server, "a", "v3", bytes.Repeat([]byte("others"), 500))
		p.tick()
		p.toSwap("v1", "v3")
		p.ask("v3", "", 0)
		p.tick()
		p.wantAction(next, hawkbittest.Finished)
	})
}

// TestHawkbitRollback requires that a device that rolls back fails its action,
// and tries again when, and only when, the same set is assigned again.
func TestHawkbitRollback(t *testing.T) {
	inPlant(t, func(t *testing.T, p *plant) {
		id := assign(p.server, "a", "v2", blinky)
		p.run()
		for range 2 {
			p.toSwap("v1", "v2")
			p.tick()
			p.wantAction(id, hawkbittest.Running)
			p.expect(p.ask("v1", "", 0), dfu.OpWait, "rolled back")
			p.tick()
			p.wantAction(id, hawkbittest.Error)
			p.expect(p.ask("v1", "", 0), dfu.OpWait, "rolled back, and told")
			p.run()
			p.expect(p.ask("v1", "", 0), dfu.OpWait, "rolled back before the restart")
			id = assign(p.server, "a", "v2", blinky)
			p.tick()
		}
		p.toSwap("v1", "v2")
		p.expect(p.ask("v2", "", 0), dfu.OpSync, "booted at last")
		p.tick()
		p.wantAction(id, hawkbittest.Finished)

		again := assign(p.server, "a", "v2", blinky)
		p.tick() // without a word of the device
		p.wantAction(again, hawkbittest.Finished)
	})
}

// TestHawkbitLateNews requires that what became of one action, told after an
// outage, does not end another one of the same image.
func TestHawkbitLateNews(t *testing.T) {
	inPlant(t, func(t *testing.T, p *plant) {
		first := assign(p.server, "a", "v2", blinky)
		p.run()
		p.toSwap("v1", "v2")
		p.tick()
		p.server.Inject(hawkbittest.Fault{Match: "/feedback", Status: http.StatusServiceUnavailable})
		p.ask("v1", "", 0) // rolled back
		p.tick()
		p.server.ForceQuit(first)
		second := assign(p.server, "a", "v2", blinky)
		p.tick()
		p.server.Heal()
		p.tick()
		p.tick()
		p.wantAction(second, hawkbittest.Running)
		p.toSwap("v1", "v2")
		p.ask("v2", "", 0)
		p.tick()
		p.wantAction(second, hawkbittest.Finished)
	})
}

// TestHawkbitAway starts without the server, loses it in the middle, and again
// at the end, with restarts; what is assigned is served all the same.
func TestHawkbitAway(t *testing.T) {
	inPlant(t, func(t *testing.T, p *plant) {
		id := assign(p.server, "a", "v2", blinky)
		away := hawkbittest.Fault{Status: http.StatusServiceUnavailable}
		p.server.Inject(away)
		p.run()
		p.expect(p.ask("v1", "", 0), dfu.OpWait, "never heard of the server")
		if v := p.view(); !strings.Contains(v.Error, "503") {
			t.Errorf("%s: %s", v.State, v.Error)
		}
		p.server.Heal()
		p.tick()
		p.expect(p.ask("v1", "", 0), dfu.OpWrite, "the server is there")
		p.tick()

		p.server.Inject(away)
		p.run()
		p.expect(p.ask("v1", "v2", 1024), dfu.OpWrite, "on with it, offline")
		p.expect(p.ask("v1", "v2", size), dfu.OpSwap, "the end, offline")
		p.run()
		p.expect(p.ask("v2", "", 0), dfu.OpSync, "booted, offline")
		p.tick()
		p.run()
		p.wantAction(id, hawkbittest.Running)
		p.server.Heal()
		p.tick()
		p.wantAction(id, hawkbittest.Finished)
	})
}

// TestHawkbitServedOffline requires that a device which was never heard gets what
// was assigned to it before the server and the gateway went down.
func TestHawkbitServedOffline(t *testing.T) {
	inPlant(t, func(t *testing.T, p *plant) {
		id := assign(p.server, "a", "v2", blinky)
		p.run()
		p.server.Inject(hawkbittest.Fault{Status: http.StatusServiceUnavailable})
		p.run()
		p.toSwap("v1", "v2")
		p.ask("v2", "", 0)
		p.tick()
		p.server.Heal()
		p.tick()
		p.wantAction(id, hawkbittest.Finished)
	})
}

// A device that names hawkBit where there is none is told so, on its row.
func TestHawkbitNotConfigured(t *testing.T) {
	inPlant(t, func(t *testing.T, p *plant) {
		p.cfg.Firmware.Hawkbit.URL = ""
		p.run()
		p.expect(p.ask("v1", "", 0), dfu.OpWait, "no hawkBit")
		if v := p.view(); v.State != status.Waiting || !strings.Contains(v.Error, "set firmware.hawkbit") {
			t.Errorf("%s: %s", v.State, v.Error)
		}
	})
}
