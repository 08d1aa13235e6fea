package lab

import (
	"github.com/spf13/cobra"

	cachebench "havn/bench/cache"
	"havn/bench/report"
	"havn/firmware"
)

func newBenchCache() *cobra.Command {
	var c cachebench.Benchmark
	size := firmware.Size(256 * firmware.KiB)
	cmd := newBenchmark(&cobra.Command{
		Use:   "cache",
		Short: "Image cache: hit, load from disk, load from source, and one fetch for all",
	}, func(cmd *cobra.Command) (report.Report, error) {
		c.Size = int(size)
		return c.Run(cmd.Context())
	})
	f := cmd.Flags()
	f.IntVar(&c.Images, "images", 64, "images in the cache")
	f.Var(sizeFlag{&size}, "size", "of an image, like 256KiB")
	f.IntVar(&c.Devices, "devices", 1000, "devices that ask at once for a new image")
	f.IntVar(&c.Lookups, "lookups", 5_000_000, "hits that are timed")
	return cmd
}
