// Package cli is what the subcommands of gateway share: how they say that they
// were called wrongly, and which arguments and flags they want.
package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// UsageError is a mistake on the command line.
type UsageError struct{ error }

// Usage makes err a mistake on the command line.
func Usage(err error) UsageError { return UsageError{err} }

// Usagef is Usage for an error of its own.
func Usagef(format string, args ...any) UsageError { return UsageError{fmt.Errorf(format, args...)} }

// Unwrap returns the mistake itself.
func (e UsageError) Unwrap() error { return e.error }

// Exactly wants n arguments; their names are in the command's Use.
func Exactly(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return Usagef("got %d arguments, want: %s", len(args), cmd.UseLine())
		}
		return nil
	}
}

// Required marks flags that a command cannot do without.
func Required(cmd *cobra.Command, names ...string) {
	check := cmd.Args
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		for _, name := range names {
			if !cmd.Flags().Changed(name) {
				return Usagef("--%s is needed; see %s --help", name, cmd.CommandPath())
			}
		}
		return check(cmd, args)
	}
}

// IsTerminal reports whether w is a terminal that people look at.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
