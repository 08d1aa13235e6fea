package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// logs waits until the gateway has logged text n times.
func (s *site) logs(text string, n int) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("the log says %q %d times", text, n), func() error {
		if got := strings.Count(s.output.String(), text); got < n {
			return fmt.Errorf("%d times so far", got)
		}
		return nil
	})
}

func (s *site) hangup() {
	s.t.Helper()
	if err := s.process.Process.Signal(syscall.SIGHUP); err != nil {
		s.t.Fatal(err)
	}
}

const reloaded, notReloaded = "configuration reloaded", "configuration not reloaded"

// TestReload: a change of the file or SIGHUP brings new rules into force; a
// broken file changes nothing and is named with line and column.
func TestReload(t *testing.T) {
	t.Parallel()
	u := newUnreliable(t)
	s := newSite(t, u.host, "")
	first := u.publish(s, "site/fw:one", "v1", 5002)
	second := u.publish(s, "site/fw:two", "v2", 6002)
	local := random(t, 3001)
	path := filepath.Join(s.dir, "gateway.yaml")
	plain, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	with := func(image string) []byte {
		return append(bytes.Clone(plain), oneImage(u.host+"/site/fw:"+image)...)
	}
	s.start("--firmware", s.write("local.bin", local), "--version", "v0")

	s.write("gateway.yaml", with("one"))
	s.updates("write", "app/d", "old", "v1", first)
	s.updates("write", "other/d", "old", "v0", local)

	s.write("gateway.yaml", append(with("two"), "chunks: {coap: {block_size: 100}}\n"...))
	s.logs(notReloaded, 1)
	line := bytes.Count(with("two"), []byte("\n")) + 1
	s.logs(fmt.Sprintf("gateway.yaml:%d:29: chunks.coap.block_size", line), 1)
	s.hangup()
	s.logs(notReloaded, 2)
	s.updates("write", "app/e", "old", "v1", first)

	s.replace("gateway.yaml", with("two"))
	s.updates("block", "app/d", "v1", "v2", second)
	n := strings.Count(s.output.String(), reloaded)
	s.hangup()
	s.logs(reloaded, n+1)
	s.updates("block", "other/e", "old", "v0", local)
	s.stop()
}

// replace writes a file as editors do: beside the old one, and then over it.
func (s *site) replace(name string, data []byte) {
	s.t.Helper()
	if err := os.Rename(s.write(name+".new", data), filepath.Join(s.dir, name)); err != nil {
		s.t.Fatal(err)
	}
}

// A file that is emptied before it is filled again must not be taken for one
// that desires nothing.
func TestReloadOfAFileThatIsRewritten(t *testing.T) {
	t.Parallel()
	u := newUnreliable(t)
	s := newSite(t, u.host, oneImage(u.host+"/site/fw:one"))
	firmware := u.publish(s, "site/fw:one", "v1", 5002)
	s.start()
	s.updates("write", "app/d", "old", "v1", firmware)
	path := filepath.Join(s.dir, "gateway.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		s.write("gateway.yaml", nil)
		s.write("gateway.yaml", append(text, fmt.Sprintf("# %d\n", i)...))
		if v := s.row("app/d"); v.Target != "v1" {
			t.Fatalf("after %d rewrites the target is %q", i, v.Target)
		}
	}
	s.logs(reloaded, 1)
	if v := s.row("app/d"); v.Target != "v1" || v.State != "in-sync" {
		t.Errorf("the row is %+v", v)
	}
}

// A configuration that is a link, as Kubernetes mounts it, changes when a
// folder on the way to it is replaced.
func TestReloadThroughLinks(t *testing.T) {
	t.Parallel()
	u := newUnreliable(t)
	s := newSite(t, u.host, "")
	firmware := u.publish(s, "site/fw:one", "v1", 5002)
	path := filepath.Join(s.dir, "gateway.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for dir, more := range map[string]string{"old": "", "new": oneImage(u.host + "/site/fw:one")} {
		must(os.Mkdir(filepath.Join(s.dir, dir), 0o700))
		s.write(filepath.Join(dir, "gateway.yaml"), append(bytes.Clone(text), more...))
	}
	must(os.Symlink("old", filepath.Join(s.dir, "..data")))
	must(os.Remove(path))
	must(os.Symlink(filepath.Join("..data", "gateway.yaml"), path))
	s.start()
	must(os.Symlink("new", filepath.Join(s.dir, "..data_tmp")))
	must(os.Rename(filepath.Join(s.dir, "..data_tmp"), filepath.Join(s.dir, "..data")))
	s.updates("write", "app/d", "v0", "v1", firmware)
}
