// Command gateway serves firmware to constrained devices at the site.
//
// One file per subcommand; all of them are thin: what they do lives in the
// packages they call. See gateway --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"havn/cmd/gateway/cli"
	"havn/cmd/gateway/lab"
	"havn/gateway/config"
)

// Exit statuses, those of sysexits.h but for exitFailed. Go itself exits with 2
// when it crashes, so that a supervisor can tell.
const (
	exitFailed = 1  // failed while running
	exitUsage  = 64 // wrong usage
	exitConfig = 78 // wrong configuration
)

// configError is a mistake in the configuration.
type configError struct{ error }

func (e configError) Unwrap() error { return e.error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

// run executes the command line and returns the exit status.
func run(ctx context.Context, args []string) int {
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	complain(err)
	var usage cli.UsageError
	var wrong configError
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &wrong):
		return exitConfig
	}
	return exitFailed
}

// complain prints err. The problems of a configuration begin with their place, as
// the messages of compilers do.
func complain(err error) {
	var problems config.Problems
	if errors.As(err, &problems) {
		fmt.Fprintln(os.Stderr, problems)
		return
	}
	fmt.Fprintln(os.Stderr, "gateway:", err)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "gateway",
		Short:         "Firmware for constrained devices, from memory, at the site",
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usagef("unknown command %q; see gateway --help", args[0])
			}
			return cmd.Help()
		},
		Args: cobra.ArbitraryArgs,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return cli.Usagef("%w; see %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(newRun(), lab.NewDemo(), newCheck(), newPush(), lab.NewDevice(), newStatus(),
		newAssign(), newUnassign(), newRetry(), newForget(), lab.NewBench(), lab.NewPlan(), newVersion())
	return root
}
