package lab

import (
	"time"

	"github.com/spf13/cobra"

	coapbench "havn/bench/coap"
	"havn/bench/device"
	"havn/bench/report"
	"havn/firmware"
)

func newBenchCoAP() *cobra.Command {
	c := coapbench.Benchmark{Child: benchChild}
	size := firmware.Size(256 * firmware.KiB)
	cmd := newBenchmark(&cobra.Command{
		Use:   "coap",
		Short: "Chunk throughput, latency and CPU cost over CoAP, beside the limit of this machine",
		Long: "Simulated devices fetch firmware in lock-step, one block outstanding each, from this\n" +
			"gateway as a process of its own. In turns with it they ask a bare responder, which\n" +
			"sends datagrams of the same size and looks at none: the limit of this machine.\n\n" +
			"With --url another CoAP server on this machine is measured; it gets a firmware by PUT\n" +
			"if it has nothing at that path. --pid names its process, for CPU time and memory.\n" +
			"It needs Linux.",
		Example: "  gateway bench coap --block-size 64\n" +
			"  gateway bench coap --endpoints 100000\n" +
			"  gateway bench coap --devices 1 --in-flight 1\n" +
			"  gateway bench coap --url coap://127.0.0.1:5700/fw --pid 4711",
	}, func(cmd *cobra.Command) (report.Report, error) {
		c.Size, c.Progress = int(size), progressTo(cmd.ErrOrStderr())
		return c.Run(cmd.Context())
	})
	f := cmd.Flags()
	f.StringVar(&c.Mode, "mode", device.ModeBlock, "block (Block2) or write (CBOR commands)")
	f.IntVar(&c.BlockSize, "block-size", 1024,
		"`BYTES` of a block, 16, 32, 64 ... 1024; most bytes of a write")
	f.IntVar(&c.Devices, "devices", 100, "how many devices")
	f.IntVar(&c.Endpoints, "endpoints", 0, "how many source addresses; 0: one per device")
	f.IntVar(&c.InFlight, "in-flight", 64, "most requests outstanding at a time")
	f.DurationVar(&c.Duration, "duration", 2*time.Second, "of each measurement, two in each run")
	f.IntVar(&c.Runs, "runs", 5, "runs; figures are medians over them")
	f.Var(sizeFlag{&size}, "size", "of the firmware, like 256KiB")
	f.StringVar(&c.URL, "url", "", "measure the server at `URL`, coap://127.0.0.1:PORT/PATH")
	f.IntVar(&c.PID, "pid", 0, "`PID` of that server")
	return cmd
}

// sizeFlag reads a size as the configuration does.
type sizeFlag struct{ *firmware.Size }

// Set implements pflag.Value.
func (s sizeFlag) Set(text string) error { return s.UnmarshalText([]byte(text)) }

// Type implements pflag.Value.
func (s sizeFlag) Type() string { return "SIZE" }
