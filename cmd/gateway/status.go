package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"havn/status"
)

func newStatus() *cobra.Command {
	var a admin
	var watch, asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the devices of a running gateway",
		Args:  exactly(0),
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
		if isTerminal(w) {
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
	views, err := a.devices(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(w).Encode(map[string]any{"items": views, "total": len(views)})
	}
	return printDevices(w, views, time.Now())
}

// devices reads all pages of the list.
func (a *admin) devices(ctx context.Context) ([]status.Status, error) {
	views := []status.Status{}
	for after := ""; ; {
		var page struct {
			Items []status.Status
			Next  string
		}
		query := url.Values{"limit": {"1000"}, "after": {after}}
		if err := a.call(ctx, http.MethodGet, "/api/v1/devices?"+query.Encode(), nil, &page); err != nil {
			return nil, err
		}
		views = append(views, page.Items...)
		if after = page.Next; after == "" {
			return views, nil
		}
	}
}

func printDevices(w io.Writer, views []status.Status, now time.Time) error {
	if len(views) == 0 {
		_, err := fmt.Fprintln(w, "no device was heard yet")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "DEVICE\tPROTOCOL\tSTATE\tCURRENT\tTARGET\tPROGRESS\tETA\tSEEN\tREMARK")
	for _, v := range views {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", v.Device, v.Protocol, v.State,
			orDash(v.Current), orDash(v.Target), progressText(v), etaText(v), age(now, v.LastSeen), v.Error)
	}
	return t.Flush()
}

func progressText(v status.Status) string {
	if v.Size == 0 {
		return "-"
	}
	return fmt.Sprintf("%3.0f%% of %d", v.Progress*100, v.Size)
}

func etaText(v status.Status) string {
	if v.ETA == nil {
		return "-"
	}
	return (time.Duration(*v.ETA) * time.Second).String()
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
