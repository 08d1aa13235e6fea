package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"havn/cmd/gateway/cli"
	"havn/gateway"
	"havn/gateway/config"
)

func newRun() *cobra.Command {
	var path string
	var local gateway.LocalFile
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the gateway",
		Long: "Run serves until it is interrupted. Without --config it uses the defaults, which\n" +
			"are those of configs/gateway.yaml. A change of the file, or SIGHUP, takes over\n" +
			"chunk sizes and desired firmware without dropping a transfer.",
		Args: cli.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (local.Path == "") != (local.Version == "") {
				return cli.Usage(errors.New("--firmware and --version go together"))
			}
			return runGateway(cmd.Context(), cmd.OutOrStdout(), path, &local)
		},
	}
	cmd.Flags().StringVar(&path, "config", "", "configuration `FILE`")
	cmd.Flags().StringVar(&local.Path, "firmware", "", "serve this `FILE` to every device that has nothing else assigned")
	cmd.Flags().StringVar(&local.Version, "version", "", "`VERSION` that devices report once they run --firmware")
	return cmd
}

func runGateway(ctx context.Context, out io.Writer, path string, local *gateway.LocalFile) error {
	file := configFile{path: path}
	cfg, err := file.load()
	if err != nil {
		return configError{err}
	}
	if local.Path == "" {
		local = nil
	}
	log := newLogger(cfg.Log, os.Stderr)
	g, err := gateway.New(cfg, local, log)
	if err != nil {
		return err
	}
	for _, url := range g.URLs() {
		fmt.Fprintf(out, "%-6s %s\n", protocolOf(url), url)
	}
	if url := g.AdminURL(); url != "" {
		fmt.Fprintf(out, "admin  %s\n", url)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reloads := make(chan struct{})
	go func() {
		defer close(reloads)
		if path != "" {
			file.reloadOnChange(ctx, g, log)
		}
	}()
	err = g.Run(ctx)
	cancel()
	<-reloads
	return err
}

// protocolOf names the protocol of a URL for people.
func protocolOf(url string) string {
	switch scheme, _, _ := strings.Cut(url, ":"); scheme {
	case "coap":
		return "CoAP"
	default:
		return strings.ToUpper(strings.TrimSuffix(scheme, "s"))
	}
}

func newLogger(cfg config.Log, w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.Level)) // checked with the configuration
	options := &slog.HandlerOptions{Level: level}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
