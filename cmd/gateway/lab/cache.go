package lab

import (
	"github.com/spf13/cobra"

	cachebench "havn/bench/cache"
	"havn/cmd/gateway/cli"
	"havn/firmware"
)

func newBenchCache() *cobra.Command {
	var c cachebench.Benchmark
	var out benchOutput
	size := firmware.Size(256 * firmware.KiB)
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "Image cache: hit, load from disk, load from source, and one fetch for all",
		Args:  cli.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.Size = int(size)
			report, err := c.Run(cmd.Context())
			return out.write(cmd, report, err)
		},
	}
	f := cmd.Flags()
	f.IntVar(&c.Images, "images", 64, "images in the cache")
	f.Var(sizeFlag{&size}, "size", "of an image, like 256KiB")
	f.IntVar(&c.Devices, "devices", 1000, "devices that ask at once for a new image")
	f.IntVar(&c.Lookups, "lookups", 5_000_000, "hits that are timed")
	out.flags(cmd)
	return cmd
}
