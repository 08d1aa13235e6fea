package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"havn/cmd/gateway/cli"
	"havn/dfu"
	"havn/gateway"
	"havn/gateway/admin/api"
)

func newAssign() *cobra.Command {
	return deviceCommand("assign APP/DEVICE IMAGE", "Set the desired firmware of a device",
		"IMAGE is "+gateway.Kinds.Usage()+".\n"+
			"DEVICE may be * for all devices of the application that have nothing of their own.",
		2, func(ctx context.Context, c *api.Client, dev dfu.Device, args []string) error {
			return c.Assign(ctx, dev, gateway.Kinds.ParseKey(args[1]))
		})
}

func newUnassign() *cobra.Command {
	return deviceCommand("unassign APP/DEVICE", "Take an assignment back", "", 1,
		func(ctx context.Context, c *api.Client, dev dfu.Device, _ []string) error {
			return c.Unassign(ctx, dev)
		})
}

func newRetry() *cobra.Command {
	return deviceCommand("retry APP/DEVICE", "Let a failed device try its update again", "", 1,
		func(ctx context.Context, c *api.Client, dev dfu.Device, _ []string) error { return c.Retry(ctx, dev) })
}

func newForget() *cobra.Command {
	return deviceCommand("forget APP/DEVICE", "Drop what is known of a device",
		"A device that is alive appears again with its next report.", 1,
		func(ctx context.Context, c *api.Client, dev dfu.Device, _ []string) error { return c.Forget(ctx, dev) })
}

// deviceCommand is a command on one device of a running gateway.
func deviceCommand(use, short, long string, args int,
	do func(ctx context.Context, c *api.Client, dev dfu.Device, args []string) error,
) *cobra.Command {
	var a admin
	cmd := &cobra.Command{
		Use: use, Short: short, Long: strings.TrimSpace(short + ".\n\n" + long), Args: cli.Exactly(args),
		RunE: func(cmd *cobra.Command, args []string) error {
			dev, err := parseDevice(args[0])
			if err != nil {
				return err
			}
			err = a.ask(cmd.Context(), func(ctx context.Context, c *api.Client) error {
				return do(ctx, c, dev, args)
			})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s done\n", args[0], cmd.Name())
			return err
		},
	}
	a.flags(cmd)
	return cmd
}
