package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// oneImage is a rule for the application "app".
func oneImage(image string) string {
	return fmt.Sprintf("  desired: [{application: app, container: {image: %q}}]\n", image)
}

// cacheFiles lists the files of the disk cache, those of unfinished downloads
// apart.
func (s *site) cacheFiles() (images, unfinished []string) {
	s.t.Helper()
	files, err := os.ReadDir(filepath.Join(s.dir, "data", "cache", "blobs", "sha256"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range files {
		if len(f.Name()) == 64 {
			images = append(images, f.Name())
		} else {
			unfinished = append(unfinished, f.Name())
		}
	}
	return images, unfinished
}

// midFetch waits until part of a layer is on disk.
func (s *site) midFetch() {
	s.t.Helper()
	s.eventually("half of the layer is on disk", func() error {
		if _, unfinished := s.cacheFiles(); len(unfinished) == 1 {
			path := filepath.Join(s.dir, "data", "cache", "blobs", "sha256", unfinished[0])
			if info, err := os.Stat(path); err == nil && info.Size() > 0 {
				return nil
			}
		}
		return errNotYet
	})
}

// A power cut in the middle of a download leaves nothing behind.
func TestKilledWhileFetching(t *testing.T) {
	t.Parallel()
	u := newUnreliable(t)
	s := newSite(t, u.host, oneImage(u.host+"/app/fw:stable"))
	firmware := u.publish(s, "app/fw:stable", "v1", 200_002)
	u.fail(stalled)
	s.start()
	s.midFetch()
	s.kill()
	if images, unfinished := s.cacheFiles(); len(images) != 0 || len(unfinished) != 1 {
		t.Fatalf("after the kill: images %v, unfinished %v", images, unfinished)
	}

	u.recover()
	s.start()
	s.updates("block", "app/d", "v0", "v1", firmware)
	s.updates("write", "app/e", "v0", "v1", firmware)
	if images, unfinished := s.cacheFiles(); len(images) != 1 || len(unfinished) != 0 {
		t.Errorf("after the restart: images %v, unfinished %v", images, unfinished)
	}
	s.kill()
	u.down() // what is on disk needs no registry
	s.start()
	s.updates("write", "app/f", "v0", "v1", firmware)
}

// SIGTERM ends the gateway whatever the registry does.
func TestTerminatedWhileTheRegistryHangs(t *testing.T) {
	for name, fault := range map[string]fault{"silent": hang, "stalled in a layer": stalled} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUnreliable(t)
			s := newSite(t, u.host, oneImage(u.host+"/app/fw:stable"))
			u.publish(s, "app/fw:stable", "v1", 200_002)
			u.fail(fault)
			s.start()
			s.mustWait("app/d", "v0")
			if name != "silent" {
				s.midFetch()
			}
			s.stop()
			if _, unfinished := s.cacheFiles(); len(unfinished) != 0 {
				t.Errorf("left behind: %v", unfinished)
			}
		})
	}
}

// An image that can never be held is refused before a byte of it is downloaded.
func TestImageLargerThanMemory(t *testing.T) {
	t.Parallel()
	u := newUnreliable(t)
	image := u.host + "/app/fw:stable"
	s := newSite(t, u.host, oneImage(image)+"cache: {memory: 1MiB}\n")
	u.publish(s, "app/fw:stable", "v1", 1<<20+1)
	s.start()
	s.mustWait("app/d", "v0")
	s.says("app/d", image, "image too large", "1048577 bytes", "cache.memory is 1MiB")
	s.mustWait("app/d", "v0")
	s.says("app/d", image, "image too large")
	s.counts("gateway_resolve_failures_total")
	if n := u.blobs.Load(); n != 0 {
		t.Errorf("%d layers were asked for", n)
	}
	firmware := u.publish(s, "app/fw:stable", "v2", 1<<20)
	s.updates("block", "app/d", "v0", "v2", firmware)
}

// Devices know what they write by its version alone: other bytes under the
// same version are refused, also after a restart.
func TestTagMovedUnderOneVersion(t *testing.T) {
	t.Parallel()
	u := newUnreliable(t)
	image := u.host + "/app/fw:stable"
	s := newSite(t, u.host, oneImage(image))
	old := u.publish(s, "app/fw:stable", "v1", 5002)
	s.start()
	s.updates("write", "app/a", "v0", "v1", old)

	u.publish(s, "app/fw:stable", "v1", 6002)
	refused := func(devices ...string) {
		s.says("app/a", "v1", "already names another digest", "publish", "under a new version")
		s.updates("write", devices[0], "v0", "v1", old)
		s.updates("block", devices[1], "v0", "v1", old)
	}
	refused("app/b", "app/c")
	s.stop()
	s.start()
	refused("app/d", "app/e")

	next := u.publish(s, "app/fw:stable", "v2", 6002)
	s.updates("write", "app/a", "v1", "v2", next)
	s.updates("block", "app/c", "v1", "v2", next)
	if v := s.row("app/a"); v.Error != "" {
		t.Errorf("the row still says %q", v.Error)
	}
}

// However many devices want an image, its registry is asked for it once.
func TestOneFetchForManyDevices(t *testing.T) {
	t.Parallel()
	u := newUnreliable(t)
	s := newSite(t, u.host, oneImage(u.host+"/app/fw:stable"))
	firmware := u.publish(s, "app/fw:stable", "v1", 50_002)
	s.start()
	for i := range 4 {
		s.updates([]string{"write", "block"}[i%2], fmt.Sprintf("app/d%d", i), "v0", "v1", firmware)
	}
	if n := u.blobs.Load(); n != 1 {
		t.Errorf("%d downloads of one image", n)
	}
	if !strings.Contains(s.metrics(), `gateway_fetches_total{result="ok",source="container"} 1`+"\n") {
		t.Error("the metrics tell another number of fetches")
	}
}
