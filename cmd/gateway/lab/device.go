package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"havn/bench/device"
	"havn/cmd/gateway/cli"
	"havn/dfu"
)

// deviceOptions are the flags of device coap.
type deviceOptions struct {
	url, mode, out string
	identity       dfu.Device
	config         device.Config
	json           bool
}

// NewDevice returns the commands that are a device.
func NewDevice() *cobra.Command {
	parent := &cobra.Command{
		Use:   "device",
		Short: "Be a device: update like one, and check every answer",
		Args:  cli.Exactly(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	parent.AddCommand(newDeviceCoAP(), newDeviceMQTT())
	return parent
}

func newDeviceCoAP() *cobra.Command {
	var o deviceOptions
	cmd := o.command("coap", "CoAP", o.overCoAP)
	f := cmd.Flags()
	f.StringVar(&o.url, "url", "coap://127.0.0.1:5683", "`URL` of the gateway")
	f.StringVar(&o.mode, "mode", "write", "write (CBOR commands) or block (Block2)")
	f.IntVar(&o.config.BlockSize, "block-size", 1024, "block size in `BYTES`: 16, 32, 64 ... 1024")
	return cmd
}

// command returns the command of a device that updates over a protocol, with the
// flags that all devices have. URLs of the protocol begin with the name.
func (o *deviceOptions) command(
	name, protocol string, run func(*cobra.Command) error,
) *cobra.Command {
	cmd := &cobra.Command{
		Use:   name + " --url " + name + "://HOST:PORT --application A --device D --version V",
		Short: "Update over " + protocol + ", as a device does",
		Long: "Follow the update protocol to the swap, verify the SHA-256 and write the image.\n" +
			"It fails if nobody is there, or if an answer breaks a rule that real devices\n" +
			"depend on.",
		Args: cli.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&o.identity.Application, "application", "default", "`APPLICATION` of the device")
	f.StringVar(&o.identity.Name, "device", "", "`DEVICE` name")
	f.StringVar(&o.config.Version, "version", "", "`VERSION` the device runs now")
	f.Uint32Var(&o.config.MTU, "mtu", device.DefaultMTU, "most firmware `BYTES` per write")
	f.StringVar(&o.out, "out", "", "write the image to `FILE`")
	f.BoolVar(&o.json, "json", false, "print one JSON document")
	cli.Required(cmd, "device", "version")
	return cmd
}

func (o *deviceOptions) overCoAP(cmd *cobra.Command) error {
	client, err := o.dial(device.Transmission{})
	if err != nil {
		return err
	}
	defer client.Close()
	if err := o.knock(cmd.Context()); err != nil {
		return err
	}
	return o.update(cmd, func() (*device.Device, error) {
		return device.NewCoAP(o.mode, o.config, &device.CoAP{Client: client, Device: o.identity})
	})
}

// update makes a device and updates it, drawing how far it is.
func (o *deviceOptions) update(cmd *cobra.Command, build func() (*device.Device, error)) error {
	drawn := cli.NewBars(cmd.ErrOrStderr())
	line := drawn.Add(o.identity.String())
	o.config.Progress = func(offset, size uint32) { line.Set(int64(offset), int64(size)) }
	o.config.Until = func(s device.State) bool { return s.InSync }
	d, err := build()
	if err != nil {
		return cli.Usage(err)
	}
	result, err := d.Run(cmd.Context())
	line.Finish(int64(result.Bytes))
	drawn.Wait()
	if err == nil {
		err = o.save(d)
	}
	return errors.Join(err, o.report(cmd, result))
}

// get is the method GET (RFC 7252 section 12.1.1).
const get = 1

// knock fails if nobody is there. A device would go on asking for ever; the
// person at this terminal wants to know.
func (o *deviceOptions) knock(ctx context.Context) error {
	client, err := o.dial(device.Transmission{AckTimeout: time.Second, MaxRetransmit: 2})
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.Do(ctx, device.Request{Code: get, Path: []string{".well-known", "core"}})
	if errors.Is(err, device.ErrTimeout) {
		return fmt.Errorf("%w; is it running there? see --url", err)
	}
	return nil // any sign of life will do
}

func (o *deviceOptions) dial(t device.Transmission) (*device.Client, error) {
	u, err := url.Parse(o.url)
	if err != nil || u.Scheme != "coap" || u.Host == "" {
		return nil, cli.Usagef("--url %q: want coap://HOST:PORT", o.url)
	}
	host := u.Host
	if u.Port() == "" {
		host += ":5683"
	}
	return device.Dial(host, t)
}

func (o *deviceOptions) save(d *device.Device) error {
	if o.out == "" || d.Image() == nil {
		return nil
	}
	return os.WriteFile(o.out, d.Image(), 0o644)
}

// report prints the result; it fails if a rule was broken.
func (o *deviceOptions) report(cmd *cobra.Command, r device.Result) error {
	if o.json {
		if err := json.NewEncoder(cmd.OutOrStdout()).Encode(r); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(cmd.OutOrStdout(), "version   %s\ndigest    %s\nbytes     %d in %d chunks\ntime      %s\n",
			r.Version, r.Digest, r.Bytes, r.Chunks, r.Duration.Round(time.Millisecond))
	}
	if len(r.Violations) > 0 {
		return fmt.Errorf("the gateway broke %d rules, the first: %w", len(r.Violations), r.Violations[0])
	}
	return nil
}
