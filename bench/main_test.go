package bench

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// asChild in the environment turns the test binary into a child.
const asChild = "HAVN_TEST_AS_BENCH_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(asChild) == "" {
		goleak.VerifyTestMain(m)
		return
	}
	if err := runChild(os.Args[1:]); err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}

func runChild(args []string) error {
	n, err := strconv.Atoi(args[len(args)-1])
	if err != nil {
		return err
	}
	if args[0] == "limit" {
		return ServeLimit(context.Background(), n, os.Stdin, os.Stdout)
	}
	return Serving{Dir: args[1], Devices: n}.Serve(context.Background(), os.Stdin, os.Stdout)
}

func testChild(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asChild+"=1")
	return cmd
}

// shape returns the report as JSON, read back.
func shape(t *testing.T, r Report) map[string]any {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

// render checks that a report can be written in all forms, and that its figures
// and the way they came about are there.
func render(t *testing.T, r Report, want ...string) {
	t.Helper()
	var text, page strings.Builder
	if err := r.Text(&text); err != nil {
		t.Error(err)
	}
	if err := r.Page().Write(&page); err != nil {
		t.Error(err)
	}
	if !strings.Contains(page.String(), "<svg") {
		t.Error("the page has no plot")
	}
	for _, w := range want {
		if !strings.Contains(text.String(), w) {
			t.Errorf("the text lacks %q:\n%s", w, text.String())
		}
	}
	machine, _ := shape(t, r)["machine"].(map[string]any)
	if machine["cpus"] == 0.0 || machine["go"] == "" {
		t.Errorf("machine %v", machine)
	}
}

// TestChildAnswersUntilItsInputEnds: the other side of the pipes.
func TestChildAnswersUntilItsInputEnds(t *testing.T) {
	serving := Serving{Dir: t.TempDir(), Devices: 1}
	if err := os.WriteFile(serving.firmware(), madeUp(100), 0o600); err != nil {
		t.Fatal(err)
	}
	in, toChild := io.Pipe()
	fromChild, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serving.Serve(t.Context(), in, out) }()
	buf := make([]byte, 100)
	n, err := fromChild.Read(buf)
	if err != nil || !strings.HasPrefix(string(buf[:n]), "127.0.0.1:") {
		t.Fatalf("the child printed %q, %v", buf[:n], err)
	}
	for _, counter := range []string{countAllocations, countHeap} {
		if _, err := io.WriteString(toChild, counter+"\n"); err != nil {
			t.Fatal(err)
		}
		n, err := fromChild.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		count, err := strconv.ParseUint(strings.TrimSpace(string(buf[:n])), 10, 64)
		if err != nil || count == 0 {
			t.Errorf("counters %q, %v", buf[:n], err)
		}
	}
	toChild.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
