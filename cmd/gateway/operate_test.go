package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"havn/dfu"
	"havn/firmware"
	"havn/gateway/admin/api"
	"havn/status"
	"havn/store"
	"havn/update/row"
)

// operate returns the command line of an operation on this site.
func (s *site) operate(args ...string) []string { return append(args, "--admin", s.admin.url) }

// statusJSON is what status --json prints.
type statusJSON struct {
	Items []api.Device
	Total int
}

func TestAssignAndUnassign(t *testing.T) {
	t.Parallel()
	u := newUnreliable(t)
	s := newSite(t, u.host, "")
	mine := u.publish(s, "site/fw:mine", "v1", 5002)
	all := u.publish(s, "site/fw:all", "v2", 6002)
	s.start()
	if out := s.must(s.operate("status")...); out != "no device was heard yet\n" {
		t.Errorf("status of nobody: %q", out)
	}
	s.status("app/d", "v0")
	s.status("app/e", "v0")
	out := s.must(s.operate("assign", "app/d", u.host+"/site/fw:mine")...)
	if out != "app/d: assign done\n" {
		t.Errorf("assign printed %q", out)
	}
	s.must(s.operate("assign", "app/*", u.host+"/site/fw:all")...)
	s.updates("write", "app/d", "v0", "v1", mine)
	s.updates("block", "app/e", "v0", "v2", all)

	s.stop()
	s.start() // assignments are kept
	s.updates("write", "app/f", "v0", "v2", all)
	s.must(s.operate("unassign", "app/d")...)
	s.updates("write", "app/d", "v1", "v2", all)
	s.must(s.operate("unassign", "app/*")...)
	if cmd := s.status("app/g", "v0"); cmd.Op != dfu.OpWait || cmd.Poll != 300 {
		t.Errorf("with nothing assigned: %v, poll %d", cmd.Op, cmd.Poll)
	}
	s.refused(exitFailed, s.operate("unassign", "app/d"), "app/d", "no local assignment")
}

func TestAssignRefuses(t *testing.T) {
	t.Parallel()
	u := newUnreliable(t)
	s := newSite(t, u.host, "")
	s.start()
	for image, why := range map[string]string{
		u.host + "/site/none:v1":           "404 Not Found",
		"registry.invalid/site/fw:v1":      "not allowed",
		"UPPER/CASE:v1":                    "not usable as firmware",
		"file:none":                        "set firmware.file.directory",
		"hawkbit:none":                     "set firmware.hawkbit",
		strings.Repeat("x", 20_000) + ":v": "too large",
	} {
		s.refused(exitFailed, s.operate("assign", "app/d", image), why)
	}
	s.refused(exitUsage, s.operate("assign", "app/d/e", "image"), "want APPLICATION/DEVICE")
	for _, command := range []string{"retry", "forget", "unassign"} {
		s.refused(exitFailed, s.operate(command, "app/unknown"), "app/unknown")
	}
}

// A registry that is away does not keep an operator from assigning.
func TestAssignWithoutTheRegistry(t *testing.T) {
	t.Parallel()
	u := newUnreliable(t)
	s := newSite(t, u.host, "")
	fw := u.publish(s, "site/fw:v1", "v1", 5002)
	u.down()
	s.start()
	s.must(s.operate("assign", "app/d", u.host+"/site/fw:v1")...)
	s.mustWait("app/d", "v0")
	s.says("app/d", u.host+"/site/fw:v1", "connection refused")
	u.recover()
	s.updates("write", "app/d", "v0", "v1", fw)
}

// rolledBack stores the row of a device that came back with its old version
// long ago.
func (s *site) rolledBack(name string, digest firmware.Digest) {
	s.t.Helper()
	st, err := store.Open(filepath.Join(s.dir, "data"), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	defer st.Close()
	app, device, _ := strings.Cut(name, "/")
	ago := time.Now().Add(-time.Hour).UnixNano()
	err = st.SaveRows([]row.Record{{
		Device: dfu.Device{Application: app, Name: device}, Current: "v0", Seen: ago,
		Sent: row.Delivery{Digest: digest, From: "v0", At: ago}, Reason: "rolled-back",
	}}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestRetryAndForget(t *testing.T) {
	t.Parallel()
	u := newUnreliable(t)
	s := newSite(t, u.host, oneImage(u.host+"/app/fw:v1"))
	path := s.write("fw.bin", random(t, 5002))
	result := publish(t, path, u.back+"/app/fw:v1", "v1")
	fw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s.rolledBack("app/d", result.Digest)
	s.start()
	s.says("app/d", "v1", "rolled back", "gateway retry app/d")
	if cmd := s.status("app/d", "v0"); cmd.Op != dfu.OpWait {
		t.Errorf("before the retry: %v", cmd.Op)
	}
	if v := s.row("app/d"); v.State != status.Failed {
		t.Errorf("state %s", v.State)
	}
	s.must(s.operate("retry", "app/d")...)
	s.updates("write", "app/d", "v0", "v1", fw)

	s.must(s.operate("forget", "app/d")...)
	s.refused(exitFailed, s.operate("forget", "app/d"), "app/d", "never heard")
	s.stop()
	s.start()
	var list statusJSON
	if s.json(&list, s.operate("status", "--json")...); list.Total != 0 {
		t.Errorf("the row came back: %+v", list)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	u := newUnreliable(t)
	s := newSite(t, u.host, oneImage(u.host+"/app/fw:v1"))
	fw := u.publish(s, "app/fw:v1", "v1", 5002)
	s.start()
	s.updates("write", "app/d", "v0", "v1", fw)
	s.status("other/e", "\xff\x00")

	lines := strings.Split(s.must(s.operate("status")...), "\n")
	want := [][]string{
		{"DEVICE", "PROTOCOL", "STATE", "CURRENT", "TARGET", "PROGRESS", "ETA", "SEEN", "REMARK"},
		{"app/d", "coap", "in-sync", "v1", "v1", "100%", "of", "5002"},
		{"other/e", "coap", "unknown", "0xff00", "-", "-"},
	}
	for i, fields := range want {
		got := strings.Fields(lines[i])
		if len(got) < len(fields) || fmt.Sprint(got[:len(fields)]) != fmt.Sprint(fields) {
			t.Errorf("line %d: %q, want %q", i, got, fields)
		}
	}
	var list statusJSON
	s.json(&list, s.operate("status", "--json")...)
	first := append(list.Items, api.Device{})[0]
	if list.Total != 2 || len(list.Items) != 2 || first.State != status.InSync || first.Size != 5002 {
		t.Errorf("status --json: %+v", list)
	}
	s.watches()
}

// watches checks that status --watch goes on until it is told to end.
func (s *site) watches() {
	s.t.Helper()
	cmd := exec.Command(os.Args[0], s.operate("status", "--watch")...)
	cmd.Env = append(os.Environ(), asGateway+"=1")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	tables := 0
	for lines := bufio.NewScanner(out); tables < 2 && lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "DEVICE") {
			tables++
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Error(err)
	}
	if err := cmd.Wait(); err != nil || tables < 2 {
		s.t.Errorf("status --watch: %d tables, %v", tables, err)
	}
}

func TestCommandsWithAToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, "127.0.0.1:1", "")
	token := s.write("token", []byte("secret\n"))
	wrong := s.write("wrong", []byte("other\n"))
	listen := strings.TrimPrefix(s.admin.url, "http://")
	s.append(fmt.Sprintf("admin: {listen: %q, token_file: %q}\n", listen, token))
	s.start()
	s.refused(exitFailed, s.operate("status"), "admin.token_file")
	s.refused(exitFailed, s.operate("status", "--token-file", wrong), "admin.token_file")
	s.refused(exitUsage, s.operate("status", "--token-file", "missing"), "missing")
	s.must(s.operate("status", "--token-file", token)...)
}
