package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"havn/cmd/gateway/cli"
	"havn/gateway/config"
)

func newCheck() *cobra.Command {
	var path string
	var printed bool
	cmd := &cobra.Command{
		Use:   "check --config FILE",
		Short: "Check a configuration file",
		Long: "Check reads a configuration as run would and reports every mistake as\n" +
			"FILE:LINE:COLUMN: message, with the line shown. It exits 78 if there is one.",
		Args: cli.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(path)
			if err != nil {
				return configError{err}
			}
			if printed {
				return cfg.Print(cmd.OutOrStdout())
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: ok\n", path)
			return err
		},
	}
	cmd.Flags().StringVar(&path, "config", "", "configuration `FILE`")
	cmd.Flags().BoolVar(&printed, "print", false, "print the effective configuration, secrets redacted")
	cli.Required(cmd, "config")
	return cmd
}
