package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"havn/upstream/drogue/droguetest"
)

const (
	smallDisk = 8 << 20 // bytes
	fullFleet = 300     // their rows need more than the free pages of the store
)

// mountSmall puts a disk of its own under the state of the gateway.
func (s *site) mountSmall() (dir string) {
	s.t.Helper()
	dir = filepath.Join(s.dir, "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", smallDisk))
	if err != nil {
		s.t.Skipf("SKIP: a disk that can be filled needs the right to mount one: %v", err)
	}
	s.t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			s.t.Error(err)
		}
	})
	return dir
}

// fill writes a file until the disk takes no more.
func (s *site) fill(dir string) (path string) {
	s.t.Helper()
	path = filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(bytes.Repeat([]byte{1}, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		s.t.Fatal(err)
	}
	return path
}

// TestDiskFull: while the disk takes no more, devices update to what is held,
// also from a gateway that starts then, and the log says what is the matter.
// When there is room again, the cloud learns how all of them ended.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	c, u := newCloud(t, droguetest.Options{}), newUnreliable(t)
	s := newSite(t, u.host, c.section())
	dir := s.mountSmall()
	c.desire(u.host + "/app/fw:stable")
	u.publish(s, "app/fw:stable", "v1", 1000)
	f := newFleet(t, s.coap, "app", fullFleet)
	c.add(f.names()...)
	s.start()
	s.meets(c, f)
	image := u.publish(s, "app/fw:stable", "v2", 5002)
	f.until("v2")
	s.waits(c, f)

	filler := s.fill(dir)
	f.at(fullFleet*2000, func() {
		s.kill()
		s.start()
	})
	f.run()
	f.runs(image)
	s.hears(f, "v2") // what the kill took, as at the next poll
	s.logsAll("device rows not stored", "check space", "no space left on device")
	s.counts("gateway_store_failures_total")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	c.knows("v2", f.names()...)
	s.drains()
	next := u.publish(s, "app/fw:stable", "v3", 5002)
	name := f.names()[rand.IntN(len(f.names()))]
	s.updates("block", "app/"+name, "v2", "v3", next)
	c.knows("v3", name)
	s.stop()
}
