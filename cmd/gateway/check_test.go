package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"havn/gateway/config"
)

// The exit statuses are what supervisors and scripts rely on.
func TestExitStatus(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	if err := os.WriteFile(broken, []byte("data: \"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		want int
		args []string
	}{
		{0, []string{"version"}},
		{1, []string{"status", "--admin", "http://127.0.0.1:1"}},
		{64, []string{"nonsense"}},
		{64, []string{"status", "--nonsense"}},
		{64, []string{"check"}},
		{78, []string{"check", "--config", broken}},
		{78, []string{"check", "--config", broken + ".missing"}},
		{78, []string{"run", "--config", broken}},
	} {
		cmd := exec.Command(os.Args[0], tt.args...)
		cmd.Env = append(os.Environ(), asGateway+"=1")
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if got := cmd.ProcessState.ExitCode(); got != tt.want {
			t.Errorf("%q exits with %d, want %d: %s", tt.args, got, tt.want, out)
		}
	}
}

// The script faults.txt shows the mistakes of every section.
func TestEverySectionHasFaults(t *testing.T) {
	script, err := os.ReadFile("testdata/faults.txt")
	if err != nil {
		t.Fatal(err)
	}
	var reference strings.Builder
	if err := config.Default().Print(&reference); err != nil {
		t.Fatal(err)
	}
	section := ""
	for line := range strings.Lines(reference.String()) {
		key, _, _ := strings.Cut(line, ":")
		name, below := strings.CutPrefix(key, "  ")
		switch {
		case !below:
			section = name
		case strings.HasPrefix(name, " "), section != "chunks" && section != "upstream":
			continue
		default:
			name = section + "." + name
		}
		if !regexp.MustCompile(`(?m)^\w+\.yaml:\d+:\d+: ` + name + `[.:\[]`).Match(script) {
			t.Errorf("no mistake of %s is shown", name)
		}
	}
}
