package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"havn/cmd/gateway/cli"
	"havn/gateway/admin/api"
)

func newStatus() *cobra.Command {
	var a admin
	var watch, asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the devices of a running gateway",
		Args:  cli.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !watch {
				return a.status(cmd.Context(), cmd.OutOrStdout(), asJSON)
			}
			return a.watch(cmd.Context(), cmd.OutOrStdout(), asJSON)
		},
	}
	a.flags(cmd)
	cmd.Flags().BoolVar(&watch, "watch", false, "repeat every two seconds")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

const watchInterval = 2 * time.Second

// watch shows the status again and again until ctx ends.
func (a *admin) watch(ctx context.Context, w io.Writer, asJSON bool) error {
	for {
		if cli.IsTerminal(w) {
			fmt.Fprint(w, "\x1b[H\x1b[2J") // home, clear
		}
		if err := a.status(ctx, w, asJSON); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchInterval):
		}
	}
}

// status prints all devices.
func (a *admin) status(ctx context.Context, w io.Writer, asJSON bool) error {
	var devices []api.Device
	err := a.ask(ctx, func(ctx context.Context, c *api.Client) (err error) {
		devices, err = c.Devices(ctx, "")
		return err
	})
	switch {
	case err != nil:
		return err
	case asJSON:
		return json.NewEncoder(w).Encode(map[string]any{"items": devices, "total": len(devices)})
	}
	return printDevices(w, devices, time.Now())
}

func printDevices(w io.Writer, devices []api.Device, now time.Time) error {
	if len(devices) == 0 {
		_, err := fmt.Fprintln(w, "no device was heard yet")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "DEVICE\tPROTOCOL\tSTATE\tCURRENT\tTARGET\tPROGRESS\tETA\tSEEN\tREMARK")
	for _, d := range devices {
		fmt.Fprintf(t, "%s/%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.Application, d.Name, d.Protocol, d.State,
			orDash(d.Current), orDash(d.Target), progressText(d), etaText(d), age(now, d.LastSeen), d.Error)
	}
	return t.Flush()
}

func progressText(d api.Device) string {
	if d.Size == 0 {
		return "-"
	}
	return fmt.Sprintf("%3.0f%% of %d", d.Progress*100, d.Size)
}

func etaText(d api.Device) string {
	if d.ETA == nil {
		return "-"
	}
	return (time.Duration(*d.ETA) * time.Second).String()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// age renders how long ago a device was seen, in the unit that matters.
func age(now, seen time.Time) string {
	d := now.Sub(seen)
	switch {
	case seen.IsZero():
		return "never"
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", max(int(d.Seconds()), 0))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	}
	return fmt.Sprintf("%dd ago", int(d.Hours()/24))
}
