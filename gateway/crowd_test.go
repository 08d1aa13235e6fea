package gateway

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"havn/bench/device"
	"havn/dfu"
	"havn/status"
	"havn/update/row"
	"havn/upstream/drogue/droguetest"
)

const (
	crowdSize   = 10_000
	crowdTime   = 5 * time.Second // rounds begin for so long, a second apart or as fast as this machine can
	crowdFronts = 16              // sockets that the devices share

	crowdChunk  = 256 // bytes that each device advances per round
	crowdBlocks = 10  // chunks of the image: each is worth telling
)

// TestCrowd: 10 000 devices report progress every second while the cloud is
// told of it. All of them are answered; what goes upstream is bounded by the
// states and the pace, not by the reports, and so is what waits for it.
func TestCrowd(t *testing.T) {
	cfg := testConfig(t)
	cloud := inCloud(t, &cfg)
	cfg.Firmware.Refresh = time.Second
	cfg.Firmware.File.Directory = t.TempDir()
	cfg.Upstream.Forward = row.Pace{ProgressEvery: 5, MinInterval: 2 * time.Second}
	writePair(t, cfg.Firmware.File.Directory, "crowd", "v1", crowdChunk*crowdBlocks)
	cloud.PutApplication("app", `{"firmware":{"file":{"name":"crowd"}}}`)
	for i := range crowdSize {
		cloud.PutDevice("app", crowdName(i), `{"gatewaySelector":{"matchNames":["gw"]}}`, nil)
	}
	r := start(t, cfg, nil)
	c := &crowd{running: r, cloud: cloud}
	c.round(dfu.Status{Version: []byte("v0")})
	eventually(t, "the cloud has said what all should run", func() bool {
		n := r.engine.Count() // those that asked late were sent the first chunk
		return n[status.Waiting]+n[status.Updating] == crowdSize
	})

	c.answers.Store(0)
	published, begin := c.published(), time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	rounds := 0
	for ; time.Since(begin) < crowdTime; <-tick.C {
		rounds++
		c.round(dfu.Status{Version: []byte("v0"), MTU: crowdChunk, Updating: true,
			Update: dfu.Progress{Version: []byte("v1"), Offset: uint32(rounds) * crowdChunk}})
	}
	c.check(rounds, c.published()-published, time.Since(begin))
	r.stop()
}

func crowdName(i int) string { return fmt.Sprintf("sensor-%05d", i) }

// crowd is many devices, and what became of their reports.
type crowd struct {
	*running
	cloud   *droguetest.Cloud
	answers atomic.Int64
	lost    atomic.Int64 // reports without an answer, or with another than a Write
	most    int          // events in the spool
}

// round has each device report st.
func (c *crowd) round(st dfu.Status) {
	c.t.Helper()
	var fronts sync.WaitGroup
	for front := range crowdFronts {
		client, err := device.Dial(c.Addr("coap").String(), device.Transmission{AckTimeout: time.Second})
		if err != nil {
			c.t.Fatal(err)
		}
		fronts.Go(func() {
			defer client.Close()
			for i := front; i < crowdSize; i += crowdFronts {
				c.report(client, crowdName(i), st)
			}
		})
	}
	fronts.Wait()
	c.most = max(c.most, c.Gateway.spool.Stats().Events)
}

func (c *crowd) report(client *device.Client, name string, st dfu.Status) {
	link := &device.CoAP{Client: client, Device: dfu.Device{Application: "app", Name: name}}
	answer, err := link.Exchange(c.t.Context(), st.Append(nil))
	cmd, parsed := dfu.ParseCommand(answer.Command)
	if err != nil || parsed != nil || (st.Updating && (cmd.Op != dfu.OpWrite || cmd.Offset != st.Update.Offset)) {
		c.lost.Add(1)
		return
	}
	c.answers.Add(1)
}

// published counts the events that the cloud took.
func (c *crowd) published() uint64 { return c.cloud.Counters(droguetest.MQTT).Requests["Publish"] }

func (c *crowd) check(rounds int, events uint64, took time.Duration) {
	c.t.Helper()
	stats := c.Gateway.spool.Stats()
	if n := c.lost.Load(); n > 0 || c.answers.Load() != int64(crowdSize*rounds) {
		c.t.Errorf("%d reports in %d rounds were lost, %d answered", n, rounds, c.answers.Load())
	}
	// The changes to waiting and updating may not have been sent before, and
	// progress at the pace of forward.
	pace := int(took/c.cfg.Upstream.Forward.MinInterval) + 1
	if bound := uint64(crowdSize * (2 + pace)); events > bound {
		c.t.Errorf("%d events in %s, want at most %d", events, took, bound)
	}
	// On each of the two ways up both changes, and the newest progress.
	if bound := 2 * crowdSize * 3; c.most > bound || stats.DroppedAll() > 0 {
		c.t.Errorf("%d events waited, want at most %d; %d dropped", c.most, bound, stats.DroppedAll())
	}
	if n := c.engine.Rows().Stats().FlushFailures.Load() + c.engine.Rows().Stats().ReportFailures.Load(); n > 0 {
		c.t.Errorf("%d flushes failed", n)
	}
	var mem runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&mem)
	c.t.Logf("%d reports in %s, all answered; %d events sent, %d progress superseded, at most %d waiting (%d KiB now); "+
		"heap of gateway, cloud and devices: %d MiB in use, %d MiB from the system", c.answers.Load(),
		took.Round(time.Millisecond), events, stats.Superseded, c.most, stats.Bytes>>10, mem.HeapAlloc>>20, mem.HeapSys>>20)
}
