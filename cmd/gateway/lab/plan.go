package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"havn/cmd/gateway/cli"
	"havn/firmware"
	"havn/lorawan/plan"
	"havn/lorawan/region"
)

// NewPlan returns the commands that say how long an update takes.
func NewPlan() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "How long an update takes, before anyone starts it",
		Args:  cli.Exactly(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPlanLoRaWAN())
	return cmd
}

func newPlanLoRaWAN() *cobra.Command {
	var u plan.Update
	var size firmware.Size
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "lorawan",
		Short: "Downlinks, airtime and the least time of an update over LoRaWAN",
		Long: "Plan says how long class A devices take to update, by what limits them: the duty\n" +
			"cycle of the radio gateway, how often they send, their own duty cycle. Nothing is\n" +
			"lost, nothing else is on the air, and one radio gateway sends all downlinks.",
		Example: "  gateway plan lorawan --size 128KiB --region EU868 --dr 3 --devices 100",
		Args:    cli.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			u.Size = int(size)
			e, err := u.Estimate()
			switch {
			case errors.Is(err, plan.ErrUpdate), errors.Is(err, region.ErrRegion),
				errors.Is(err, region.ErrDataRate):
				return cli.Usage(err)
			case err != nil:
				return err
			case asJSON:
				return writePlanJSON(cmd.OutOrStdout(), e)
			}
			return writePlan(cmd.OutOrStdout(), e)
		},
	}
	f := cmd.Flags()
	f.Var(sizeFlag{&size}, "size", "of the firmware, like 128KiB")
	f.StringVar(&u.Region, "region", "", "`REGION`, like EU868")
	f.IntVar(&u.DR, "dr", 0, "data rate of the uplinks")
	f.IntVar(&u.Devices, "devices", 1, "how many devices, under one radio gateway")
	f.DurationVar(&u.Interval, "interval", 10*time.Minute, "from uplink to uplink of a device")
	f.IntVar(&u.VersionLength, "version-length", 5, "`BYTES` of the firmware's version")
	f.BoolVar(&asJSON, "json", false, "print one JSON document")
	cli.Required(cmd, "size", "region", "dr")
	return cmd
}

func writePlanJSON(w io.Writer, e *plan.Estimate) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		*plan.Estimate
		IntervalS float64 `json:"interval_s"`
	}{e, e.Interval.Seconds()})
}

func writePlan(w io.Writer, e *plan.Estimate) error {
	t := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	fmt.Fprintf(t, "firmware\t%d bytes, version of %d bytes\n", e.Size, e.VersionLength)
	fmt.Fprintf(t, "uplink\t%s DR%d, %.3f s on the air\n", e.Region, e.DR, e.UplinkAirtimeS)
	fmt.Fprintf(t, "downlink\tDR%d, at most %d bytes, %.3f s on the air\n",
		e.DownlinkDR, e.Payload, e.DownlinkAirtimeS)
	fmt.Fprintf(t, "each device\t%d Writes of %.1f bytes on average and a Swap, %s on the air\n\n",
		e.Writes, float64(e.Size)/float64(e.Writes), span(e.AirtimeS))
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(t, "LIMIT\tONE DEVICE\tALL %d\n", e.Devices)
	for _, l := range e.Limits {
		fmt.Fprintf(t, "%s\t%s\t%s\n", limitText(e, l), span(l.OneS), span(l.AllS))
	}
	fmt.Fprintf(t, "at least, by those marked *\t%s\t%s\n", span(e.OneS), span(e.AllS))
	return t.Flush()
}

// limitText names a limit; a star marks those in force.
func limitText(e *plan.Estimate, l plan.Limit) (text string) {
	duty := "without duty cycle"
	if l.Duty < 1 {
		duty = fmt.Sprintf("at %g %% duty cycle", 100*l.Duty)
	}
	switch l.Kind {
	case plan.GatewayDuty:
		text = "radio gateway " + duty
	case plan.Interval:
		text = "device with an uplink every " + span(e.Interval.Seconds())
	case plan.DeviceDuty:
		text = "device " + duty
	}
	if l.InForce {
		text += " *"
	}
	return text
}

// spans are units of time, each used from twice its length on.
var spans = []struct {
	seconds float64
	unit    string
}{{365.25 * 86400, "y"}, {86400, "d"}, {3600, "h"}, {60, "min"}}

// span renders seconds in the unit that people think in.
func span(seconds float64) string {
	for _, s := range spans {
		if seconds >= 2*s.seconds {
			return fmt.Sprintf("%.1f %s", seconds/s.seconds, s.unit)
		}
	}
	return fmt.Sprintf("%.1f s", seconds)
}
