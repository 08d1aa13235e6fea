package bench

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"havn/gateway"
	"havn/gateway/config"
)

// StartTimeout is how long a server may take to have its firmware ready.
const StartTimeout = 30 * time.Second

// Write writes the firmware of a gateway into its directory.
func Write(dir string, firmware []byte) error {
	return os.WriteFile(Local(dir).Path, firmware, 0o600)
}

// Local is the firmware that a gateway serves from its directory.
func Local(dir string) *gateway.LocalFile {
	return &gateway.LocalFile{Path: filepath.Join(dir, "firmware.bin"), Version: NewVersion}
}

// Open opens a gateway as operators run it: from a configuration in YAML. Its
// state is in dir; local is nil where the configuration names the source of the
// firmware.
func Open(dir, yaml string, local *gateway.LocalFile) (*gateway.Gateway, error) {
	yaml += fmt.Sprintf("\ndata: %q\n", filepath.Join(dir, "data"))
	cfg, err := config.Parse("gateway.yaml", []byte(yaml))
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	return gateway.New(cfg, local, log)
}

// Live runs parts as long as do takes, and returns when all of them have ended.
// Where a part fails, the context of do ends, and the error is that of the part.
func Live(
	ctx context.Context, do func(context.Context) error, parts ...func(context.Context) error,
) error {
	running, ctx := errgroup.WithContext(ctx)
	ctx, stop := context.WithCancel(ctx)
	for _, run := range parts {
		running.Go(func() error { return run(ctx) })
	}
	done := do(ctx)
	stop()
	if err := running.Wait(); err != nil {
		return err
	}
	return done
}
