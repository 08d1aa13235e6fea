package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/fsnotify/fsnotify"
	"github.com/spf13/cobra"

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
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (local.Path == "") != (local.Version == "") {
				return usageError{errors.New("--firmware and --version go together")}
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
	cfg := config.Default()
	if path != "" {
		var err error
		if cfg, err = config.Load(path); err != nil {
			return usageError{err}
		}
	}
	if local.Path == "" {
		local = nil
	}
	log := newLogger(cfg.Log, os.Stderr)
	g, err := gateway.New(cfg, local, log)
	if err != nil {
		return err
	}
	if addr := g.CoAPAddr(); addr.IsValid() {
		fmt.Fprintf(out, "CoAP   coap://%s\n", addr)
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
			reloadOnChange(ctx, g, path, log)
		}
	}()
	err = g.Run(ctx)
	cancel()
	<-reloads
	return err
}

// reloadOnChange takes over the file at path when it changes or on SIGHUP,
// until ctx ends. A file that is not accepted changes nothing.
func reloadOnChange(ctx context.Context, g *gateway.Gateway, path string, log *slog.Logger) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		defer watcher.Close()
		err = watcher.Add(filepath.Dir(path)) // the directory: editors replace the file
	}
	if err != nil {
		log.Warn("changes of the configuration are not noticed; send SIGHUP", slog.Any("error", err))
		watcher = &fsnotify.Watcher{}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
		case event := <-watcher.Events:
			if filepath.Clean(event.Name) != filepath.Clean(path) || !(event.Has(fsnotify.Write) || event.Has(fsnotify.Create)) {
				continue
			}
		}
		reload(g, path, log)
	}
}

func reload(g *gateway.Gateway, path string, log *slog.Logger) {
	cfg, err := config.Load(path)
	if err == nil {
		err = g.Reload(cfg)
	}
	if err != nil {
		log.Error("configuration not reloaded; the old one stays in force", slog.Any("error", err))
		return
	}
	log.Info("configuration reloaded; chunks and desired firmware are in force, all else needs a restart",
		slog.String("file", path))
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
