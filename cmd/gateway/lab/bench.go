package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"

	"github.com/spf13/cobra"

	"havn/bench"
	coapbench "havn/bench/coap"
	"havn/bench/report"
	"havn/cmd/gateway/cli"
)

// NewBench returns the command that measures this machine.
func NewBench() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure chunk throughput, latency and cost",
		Long: "Bench measures on this machine, with everything it needs in itself. Every\n" +
			"answer is checked, byte for byte; bench/README.md tells how, and how to read it.",
		Args: cli.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBenchCoAP(), newBenchLink(), newBenchCache(), newBenchLoRaWAN(),
		newBenchUpstream(), newBenchServe(), newBenchLimit())
	return cmd
}

// benchOutput are the flags of all benchmarks.
type benchOutput struct {
	json bool
	html string
}

func (o *benchOutput) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON document")
	cmd.Flags().StringVar(&o.html, "html", "", "write a report with plots to `FILE`")
}

// newBenchmark completes the command of a benchmark: it runs, and writes the
// report as the flags of all benchmarks say.
func newBenchmark(
	cmd *cobra.Command, run func(*cobra.Command) (report.Report, error),
) *cobra.Command {
	var out benchOutput
	cmd.Args = cli.Exactly(0)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r, err := run(cmd)
		return out.write(cmd, r, err)
	}
	out.flags(cmd)
	return cmd
}

// progressTo returns a function that shows what a benchmark says while it runs.
func progressTo(w io.Writer) func(string) {
	return func(line string) { fmt.Fprintln(w, line) }
}

// write hands out what a benchmark measured, or why it did not.
func (o *benchOutput) write(cmd *cobra.Command, r report.Report, err error) error {
	switch {
	case errors.Is(err, bench.ErrUsage):
		return cli.Usage(err)
	case err != nil:
		return err
	}
	if o.html != "" {
		if err := writePage(o.html, r); err != nil {
			return err
		}
	}
	if o.json {
		encoder := json.NewEncoder(cmd.OutOrStdout())
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	return r.Text(cmd.OutOrStdout())
}

func writePage(path string, r report.Report) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(r.Page().Write(f), f.Close())
}

// benchChild makes this binary a child of itself, under the name it was called.
func benchChild(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", append([]string{"bench"}, args...)...)
	cmd.Args[0] = os.Args[0]
	return cmd
}

// newBenchServe is the gateway as a child of bench coap.
func newBenchServe() *cobra.Command {
	return &cobra.Command{
		Use:    "serve DIRECTORY DEVICES",
		Hidden: true,
		Args:   cli.Exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			devices, err := strconv.Atoi(args[1])
			if err != nil {
				return cli.Usage(err)
			}
			return coapbench.ServeGateway(cmd.Context(), args[0], devices, cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

// newBenchLimit is the bare responder as a child of bench coap.
func newBenchLimit() *cobra.Command {
	return &cobra.Command{
		Use:    "limit BYTES",
		Hidden: true,
		Args:   cli.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			size, err := strconv.Atoi(args[0])
			if err != nil {
				return cli.Usage(err)
			}
			return coapbench.ServeLimit(cmd.Context(), size, cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}
