package coap

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"havn/bench"
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
	return ServeGateway(context.Background(), args[1], n, os.Stdin, os.Stdout)
}

func testChild(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asChild+"=1")
	return cmd
}

// TestChildAnswersUntilItsInputEnds: the other side of the pipes.
func TestChildAnswersUntilItsInputEnds(t *testing.T) {
	dir := t.TempDir()
	if err := bench.Write(dir, bench.Firmware(100)); err != nil {
		t.Fatal(err)
	}
	in, toChild := io.Pipe()
	fromChild, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- ServeGateway(t.Context(), dir, 1, in, out) }()
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
