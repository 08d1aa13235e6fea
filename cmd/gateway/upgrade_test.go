package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/bench/device"
	"havn/dfu"
	"havn/status"
	"havn/upstream/drogue/droguetest"
	"havn/upstream/drogue/droguetest/wire"
	"havn/upstream/hawkbit/hawkbittest"
)

// What an earlier gateway left: see testdata/state-1/README.md.
const (
	earlier         = "testdata/state-1"
	earlierRegistry = "127.0.0.1:18376"
	earlierImage    = earlierRegistry + "/app/fw:stable"
	earlierHawkbit  = "127.0.0.1:18377"
)

// earlierImages are the images by version, as files in the earlier state.
var earlierImages = map[string]string{
	"v1": "85d9db74543c200faa1ede0b14e135d0d1f6e4caa8ea40e93712f495dd3600d6",
	"v2": "3ad4f6169cbbb2a6ea8069bbe2a580abd35c9beab990836f064b83bc63e27a73",
	"v3": "055aabbee7eb0c44699632b23982567ba7f27f76ee9acede45f69947f6c52028",
	"b1": "3f359845a8a67f0d385a57c32d4b01b2e6e73ee7be46f734e6df5fb3e193f7ba",
}

// TestUpgradeInPlace starts this gateway on the data directory of an earlier one
// that was stopped in the middle of its work. At first nothing else is there; then
// the cloud and hawkBit come back.
func TestUpgradeInPlace(t *testing.T) {
	t.Parallel()
	c := newCloud(t, droguetest.Options{})
	c.desire(earlierImage)
	c.add("done", "cbor", "cbor-old", "block", "block-old", "named", "failed", "assigned", "web")
	for _, name := range []string{"hb-a", "hb-b"} {
		c.PutDevice("app", name, fmt.Sprintf(
			`{"gatewaySelector":{"matchNames":["gw"]},"firmware":{"hawkbit":{"controller":%q}}}`, name), nil)
	}
	c.reach(wire.Away)
	s := newSite(t, earlierRegistry, "")
	token := s.write("token", []byte("secret"))
	s.configure(func(text string) string {
		return text + fmt.Sprintf("  file: {directory: %q}\n  hawkbit: {url: \"http://%s\", gateway_token_file: %q}\n%s",
			s.dir, earlierHawkbit, token, c.section())
	})
	s.inherit()
	s.start()

	s.logsAll("state of an earlier version was migrated", "state.db.format-1")
	s.knowsEarlierRows()
	s.finishesEarlierUpdates()
	s.keepsEarlierVerdicts()
	s.keepsEarlierAssignments()

	c.reach(wire.Up)
	c.knows("v2", "done")
	c.received("done", 1795816016983)
	c.received("failed", 1795816017037, 1795816049962)
	s.tellsHawkbit()
}

// inherit unpacks the earlier state.
func (s *site) inherit() {
	s.t.Helper()
	blobs := filepath.Join(s.dir, "data", "cache", "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o750); err != nil {
		s.t.Fatal(err)
	}
	if err := os.CopyFS(blobs, os.DirFS(filepath.Join(earlier, "images"))); err != nil {
		s.t.Fatal(err)
	}
	for _, name := range []string{"state.db", "spool.db"} {
		packed, err := os.Open(filepath.Join(earlier, name+".gz"))
		if err != nil {
			s.t.Fatal(err)
		}
		defer packed.Close()
		unpacked, err := gzip.NewReader(packed)
		if err != nil {
			s.t.Fatal(err)
		}
		data, err := io.ReadAll(unpacked)
		if err != nil {
			s.t.Fatal(err)
		}
		s.write(filepath.Join("data", name), data)
	}
}

// earlierBytes returns the bytes of a version.
func (s *site) earlierBytes(version string) []byte {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(earlier, "images", earlierImages[version]))
	if err != nil {
		s.t.Fatal(err)
	}
	return data
}

// received waits for the status events that the earlier gateway made of a device
// at those times, in Unix milliseconds, and could not send.
func (c *cloud) received(name string, times ...int64) {
	c.t.Helper()
	eventually(c.t, "the events of "+name+" arrive", func() error {
		var got []int64
		for _, e := range c.statuses(name) {
			got = append(got, e.Time.UnixMilli())
		}
		for _, at := range times {
			if !slices.Contains(got, at) {
				return fmt.Errorf("events of %v, none of %d", got, at)
			}
		}
		return nil
	})
}

func (s *site) knowsEarlierRows() {
	s.t.Helper()
	for name, want := range map[string]status.Status{
		"done":      {Protocol: "coap", State: status.InSync, Current: "v2", Target: "v2", Offset: 3502},
		"named":     {Protocol: "coap", State: status.InSync, Current: "2.0-custom", Target: "v2", Offset: 3502},
		"failed":    {Protocol: "coap", State: status.Failed, Current: "v1", Target: "v2", Offset: 3502},
		"cbor":      {Protocol: "coap", State: status.Updating, Current: "v1", Target: "v2", Offset: 1024},
		"cbor-old":  {Protocol: "coap", State: status.Updating, Current: "v0", Target: "v1", Offset: 768},
		"block":     {Protocol: "coap", State: status.Updating, Target: "v2", Offset: 1536},
		"block-old": {Protocol: "coap", State: status.Updating, Target: "v1", Offset: 1280},
		"assigned":  {Protocol: "coap", State: status.InSync, Current: "b1", Target: "b1", Offset: 1501},
		"web":       {Protocol: "http", State: status.Updating, Current: "0xff01", Target: "v1"},
		"hb-a":      {Protocol: "coap", State: status.InSync, Current: "v3", Target: "v3", Offset: 2500},
		"hb-b":      {Protocol: "coap", State: status.Updating, Current: "v1", Target: "v3", Offset: 768},
	} {
		v := s.row("app/" + name)
		got := status.Status{Protocol: v.Protocol, State: v.State, Current: v.Current, Target: v.Target, Offset: v.Offset}
		if got != want {
			s.t.Errorf("%s: %+v, want %+v", name, v, want)
		}
	}
}

// finishesEarlierUpdates has the devices go on where they stopped, those too that
// write what is no longer their target.
func (s *site) finishesEarlierUpdates() {
	s.t.Helper()
	s.goesOn("app/cbor", "v1", "v2", 1280)
	s.goesOn("app/cbor-old", "v0", "v1", 1024)
	s.goesOn("app/hb-b", "v1", "v3", 1024)
	s.goesOnByBlocks("app/block", "v2", 6)
	s.goesOnByBlocks("app/block-old", "v1", 5)
}

func (s *site) keepsEarlierVerdicts() {
	s.t.Helper()
	if cmd := s.status("app/named", "2.0-custom"); cmd.Op != dfu.OpSync {
		s.t.Errorf("a learned name is answered with %v", cmd.Op)
	}
	if cmd := s.status("app/failed", "v1"); cmd.Op != dfu.OpWait {
		s.t.Errorf("a device that rolled back is answered with %v", cmd.Op)
	}
}

// keepsEarlierAssignments looks for each assignment. The image of one is given to
// a device that was never heard; no source can be reached.
func (s *site) keepsEarlierAssignments() {
	s.t.Helper()
	if cmd := s.status("app/assigned", "b1"); cmd.Op != dfu.OpSync {
		s.t.Errorf("an assigned device is answered with %v", cmd.Op)
	}
	s.status("other/h", "v0")
	s.says("other/h", "hawkbit controller h")
	s.logsAll("firmware offered", "app=other", "version=v2") // to other/*
	s.must("assign", "other/new", earlierImage, "--admin", s.admin.url)
	s.updates("block", "other/new", "v0", "v2", s.earlierBytes("v2"))
}

// tellsHawkbit has the server come back and waits for the outcomes: of hb-a the
// one that was stored, of hb-b what it does now.
func (s *site) tellsHawkbit() {
	s.t.Helper()
	server := hawkbittest.New(hawkbittest.Config{GatewayToken: "secret", Sleep: "00:00:01"})
	actions := map[string]int{}
	for _, id := range []string{"hb-a", "hb-b"} {
		actions[id] = server.Assign(hawkbittest.Assignment{
			Controller: id, Modules: hawkbittest.Firmware("v3", "fw.bin", s.earlierBytes("v3")),
		})
	}
	serveAt(s.t, earlierHawkbit, server)
	if cmd := s.status("app/hb-b", "v3"); cmd.Op != dfu.OpSync {
		s.t.Errorf("hb-b is answered with %v", cmd.Op)
	}
	for name, id := range actions {
		s.eventually("hawkBit knows that "+name+" is done", func() error {
			if a := server.Action(id); a.Status != hawkbittest.Finished {
				return fmt.Errorf("%s: %+v", a.Status, a.Entries)
			}
			return nil
		})
	}
}

// serveAt serves on an address that another run of this test may have.
func serveAt(t *testing.T, address string, handler http.Handler) {
	t.Helper()
	var listener net.Listener
	eventually(t, address+" is free", func() (err error) {
		listener, err = net.Listen("tcp", address)
		return err
	})
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: handler}}
	server.Start()
	t.Cleanup(server.Close)
}

// goesOn is a device that runs one version and is at an offset of another. It
// must get the rest of its bytes, and be told to swap.
func (s *site) goesOn(name, runs, version string, offset uint32) {
	s.t.Helper()
	image := s.earlierBytes(version)
	got := bytes.Clone(image[:offset])
	c := s.client(name)
	for len(got) <= len(image) {
		st := dfu.Status{
			Version: []byte(runs), MTU: 256, Updating: true,
			Update: dfu.Progress{Version: []byte(version), Offset: uint32(len(got))},
		}
		a, err := c.Exchange(s.t.Context(), st.Append(nil))
		if err != nil {
			s.t.Fatal(err)
		}
		cmd, err := dfu.ParseCommand(a.Command)
		switch {
		case err != nil:
			s.t.Fatal(err)
		case cmd.Op == dfu.OpSwap:
			if !bytes.Equal(got, image) || fmt.Sprintf("%x", cmd.Checksum) != earlierImages[version] {
				s.t.Errorf("%s: %d bytes, checksum %x", name, len(got), cmd.Checksum)
			}
			return
		case cmd.Op == dfu.OpWait: // the image is on its way from disk to memory
			time.Sleep(20 * time.Millisecond)
		case cmd.Op != dfu.OpWrite || int(cmd.Offset) != len(got) || string(cmd.Version) != version:
			s.t.Fatalf("%s at %d: %v of %s at %d; its row: %+v", name, len(got), cmd.Op, cmd.Version, cmd.Offset, s.row(name))
		}
		got = append(got, cmd.Data...)
	}
	s.t.Errorf("%s: %d bytes and no end", name, len(got))
}

// goesOnByBlocks is a device that fetches blocks of 256 bytes and asks for that
// number next.
func (s *site) goesOnByBlocks(name, version string, number int) {
	s.t.Helper()
	const size, szx, more = 256, 4, 8
	image := s.earlierBytes(version)
	got := bytes.Clone(image[:number*size])
	c := s.client(name)
	for ; len(got) <= len(image); number++ {
		var resp device.Response
		s.eventually(name+" gets a block", func() (err error) {
			resp, err = c.Client.Do(s.t.Context(), device.Request{
				Code: codes.GET, Path: []string{"fw", c.Device.Application, c.Device.Name},
				Options: message.Options{{ID: message.Block2, Value: []byte{byte(number<<4 | szx)}}},
			})
			if err == nil && resp.Code != codes.Content {
				err = fmt.Errorf("%v: %s", resp.Code, resp.Payload)
			}
			return err
		})
		got = append(got, resp.Payload...)
		if answer, _ := resp.Uint(message.Block2); answer&more == 0 {
			break
		}
	}
	if !bytes.Equal(got, image) {
		s.t.Errorf("%s: %d bytes are not those of %s", name, len(got), version)
	}
}
