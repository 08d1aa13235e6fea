package lab

import (
	"time"

	"github.com/spf13/cobra"

	"havn/bench/device"
	linkbench "havn/bench/link"
	"havn/bench/report"
	"havn/firmware"
)

func newBenchLink() *cobra.Command {
	var l linkbench.Benchmark
	size := firmware.Size(8 * firmware.KiB)
	var percent []float64
	cmd := newBenchmark(&cobra.Command{
		Use:   "link",
		Short: "Update time by block size, round-trip time and loss, beside blocks x RTT",
		Long: "Simulated devices update over simulated links, one for every combination, all at\n" +
			"the same time. Beside the time of each stands what an update in lock-step must cost:\n" +
			"one round trip per block.",
		Example: "  gateway bench link --block-size 64,1024 --rtt 300ms --loss 2 --size 4KiB",
	}, func(cmd *cobra.Command) (report.Report, error) {
		l.Size, l.Progress = int(size), progressTo(cmd.ErrOrStderr())
		for _, p := range percent {
			l.Losses = append(l.Losses, p/100)
		}
		return l.Run(cmd.Context())
	})
	f := cmd.Flags()
	f.StringVar(&l.Mode, "mode", device.ModeBlock, "block (Block2) or write (CBOR commands)")
	f.IntSliceVar(&l.BlockSizes, "block-size", []int{64, 128, 256, 512, 1024},
		"`BYTES` of a block, several with commas")
	f.DurationSliceVar(&l.RTTs, "rtt", []time.Duration{
		10 * time.Millisecond, 50 * time.Millisecond, 200 * time.Millisecond,
	}, "round-trip `TIMES`")
	f.Float64SliceVar(&percent, "loss", []float64{0, 1},
		"loss in `PERCENT` of the datagrams of each direction")
	f.Var(sizeFlag{&size}, "size", "of the firmware, like 8KiB")
	f.DurationVar(&l.AckTimeout, "ack-timeout", 2*time.Second, "after which a device asks again")
	f.DurationVar(&l.Timeout, "timeout", 55*time.Second,
		"after which updates still under way are cut off")
	f.Uint64Var(&l.Seed, "seed", 1, "of the losses")
	return cmd
}
