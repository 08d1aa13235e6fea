package lab

import (
	"github.com/spf13/cobra"

	"havn/bench/report"
	upstreambench "havn/bench/upstream"
	"havn/firmware"
)

func newBenchUpstream() *cobra.Command {
	var u upstreambench.Benchmark
	size := firmware.Size(256 * firmware.KiB)
	cmd := newBenchmark(&cobra.Command{
		Use:   "upstream",
		Short: "What an update campaign costs upstream: bytes and requests",
		Long: "Simulated devices update through a gateway in this process, which gets the firmware\n" +
			"from an OCI registry and tells a stand-in for Drogue Cloud, both on loopback. Every\n" +
			"byte and request between the gateway and them is counted. It takes about half a\n" +
			"minute.",
		Example: "  gateway bench upstream --devices 10 --size 64KiB --chunk 1024",
	}, func(cmd *cobra.Command) (report.Report, error) {
		u.Size, u.Progress = int(size), progressTo(cmd.ErrOrStderr())
		return u.Run(cmd.Context())
	})
	f := cmd.Flags()
	f.IntVar(&u.Devices, "devices", 100, "how many devices update")
	f.Var(sizeFlag{&size}, "size", "of the firmware, like 256KiB")
	f.IntVar(&u.Chunk, "chunk", 512, "most firmware `BYTES` in a Write")
	return cmd
}
