package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"havn/cmd/gateway/cli"
	"havn/upstream/file"
	"havn/upstream/oci"
)

func newPush() *cobra.Command {
	var opts oci.PushOptions
	cmd := &cobra.Command{
		Use:   "push FILE --image HOST/NAME:TAG --version V",
		Short: "Push a firmware binary to an OCI registry",
		Long: "Push packs FILE as an OCI artifact and pushes it, with the credentials of the\n" +
			"Docker configuration. It prints the digest of the firmware.",
		Args: cli.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.File = args[0]
			return push(cmd, opts)
		},
	}
	cmd.Flags().StringVar(&opts.Image, "image", "", "`HOST/NAME:TAG` to push to")
	cmd.Flags().StringVar(&opts.Version, "version", "", "`VERSION` that devices report once they run it")
	cmd.Flags().BoolVar(&opts.PlainHTTP, "plain-http", false, "the registry speaks HTTP without TLS")
	cli.Required(cmd, "image", "version")
	return cmd
}

func push(cmd *cobra.Command, opts oci.PushOptions) error {
	if err := warnUnlessRaw(cmd.ErrOrStderr(), opts.File); err != nil {
		return err
	}
	drawn := cli.NewBars(cmd.ErrOrStderr())
	line := drawn.Add(opts.Image)
	opts.Progress = line.Set
	result, err := oci.Push(cmd.Context(), opts)
	if err != nil {
		line.Abort()
		drawn.Wait()
		return err
	}
	line.Finish(int64(result.Size))
	drawn.Wait()
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "reference %s\ndigest    %s\n", result.Reference, result.Digest)
	return err
}

// headBytes are enough to tell a format by.
const headBytes = 4096

// warnUnlessRaw warns of files that a device cannot write to flash as they are.
func warnUnlessRaw(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, headBytes)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return err
	}
	if format := file.LooksLike(head[:n]); format != "" {
		fmt.Fprintf(w, "warning: %s is %s; devices write raw binary to flash: convert it with objcopy -O binary "+
			"unless yours take %s\n", path, format, format)
	}
	return nil
}
