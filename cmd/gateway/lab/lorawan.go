package lab

import (
	"time"

	"github.com/spf13/cobra"

	lorawanbench "havn/bench/lorawan"
	"havn/bench/report"
)

func newBenchLoRaWAN() *cobra.Command {
	var l lorawanbench.Benchmark
	cmd := newBenchmark(&cobra.Command{
		Use:   "lorawan",
		Short: "Event-to-downlink latency over a real broker, and firmware bytes per downlink",
		Long: "Simulated devices send uplinks through a simulated network server and a real MQTT\n" +
			"broker to a gateway in this process: 1 a second, then 100 a second in each of two\n" +
			"networks side by side, then 1000 a second. A network server waits about 85 ms for\n" +
			"the answer that rides the receive window of an uplink.",
		Example: "  gateway bench lorawan --broker embedded\n" +
			"  gateway bench lorawan --broker mqtt://127.0.0.1:1883 --json",
	}, func(cmd *cobra.Command) (report.Report, error) {
		l.Progress = progressTo(cmd.ErrOrStderr())
		return l.Run(cmd.Context())
	})
	f := cmd.Flags()
	f.StringVar(&l.Broker, "broker", "", "mosquitto, embedded or the `URL` of one on this machine\n"+
		"(default mosquitto where it is installed, else embedded)")
	f.DurationVar(&l.Duration, "duration", 26*time.Second,
		"of the measurement at 100 uplinks/s; the others take a quarter of it")
	return cmd
}
