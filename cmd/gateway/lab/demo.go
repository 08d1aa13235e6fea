package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"havn/bench"
	"havn/bench/backend"
	"havn/bench/device"
	devicemqtt "havn/bench/device/mqtt"
	"havn/cmd/gateway/cli"
	"havn/dfu"
	"havn/gateway"
	"havn/gateway/config"
	"havn/lorawan/event"
)

// demo is everything of a site on loopback: a registry, the gateway, devices.
type demo struct {
	once     bool
	devices  int
	sessions int
	radios   int
	firmware string
	timeout  time.Duration
	out      io.Writer
	backend  *backend.Backend
	radio    *demoRadio
}

const (
	demoApplication = "demo"
	demoOld         = "1.0.0"
	demoNew         = "1.1.0"
	demoSize        = 64 << 10 // of the firmware made up when none is given
)

// NewDemo returns the command that shows the whole thing at work.
func NewDemo() *cobra.Command {
	var d demo
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See the whole thing work, with everything embedded",
		Long: "Demo starts an OCI registry with a firmware image, a stand-in for Drogue Cloud\n" +
			"that wants it on all devices, the gateway and simulated devices, all on loopback\n" +
			"and free ports. The devices update over CoAP, MQTT and LoRaWAN, and the cloud is told.",
		Args: cli.Exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.out = cmd.OutOrStdout()
			return d.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.BoolVar(&d.once, "once", false, "end when all devices are updated; exit 1 if one was not")
	f.IntVar(&d.devices, "devices", 8, "how many CoAP devices")
	f.IntVar(&d.sessions, "mqtt-devices", 2, "how many MQTT devices")
	f.IntVar(&d.radios, "lorawan-devices", 2, "how many LoRaWAN devices")
	f.StringVar(&d.firmware, "firmware", "", "firmware `FILE`; made up when empty")
	f.DurationVar(&d.timeout, "timeout", 2*time.Minute, "how long the updates may take")
	return cmd
}

func (d *demo) run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "gateway-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if d.firmware == "" {
		d.firmware = filepath.Join(dir, "firmware.bin")
		if err := os.WriteFile(d.firmware, bench.Firmware(demoSize), 0o600); err != nil {
			return err
		}
	}
	d.backend, err = backend.Start(ctx, backend.Options{
		Application: demoApplication, Firmware: d.firmware, Version: demoNew,
	})
	if err != nil {
		return err
	}
	defer d.backend.Close()
	fmt.Fprintf(d.out, "registry  %s\nfirmware  %s, %d bytes\n",
		d.backend.Image, d.backend.Artifact.Digest, d.backend.Artifact.Size)
	if d.radio, err = openRadio(); err != nil {
		return err
	}
	cfg, err := d.configuration(dir)
	if err != nil {
		return err
	}
	return d.serve(ctx, cfg)
}

// serve runs the gateway, and the devices against it.
func (d *demo) serve(ctx context.Context, cfg config.Config) error {
	g, err := gateway.New(cfg, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "cloud     %s (a stand-in for Drogue Cloud)\ngateway   coap://%s, mqtt://%s\nadmin     %s\n\n",
		d.backend.Cloud.RegistryURL, g.Addr("coap"), g.Addr("mqtt"), g.AdminURL())
	serving, stop := context.WithCancel(ctx)
	defer stop()
	var parts errgroup.Group
	parts.Go(func() error { return d.radio.run(serving) })
	parts.Go(func() error { return g.Run(serving) })
	err = d.update(ctx, g)
	if err == nil && !d.once {
		fmt.Fprintf(d.out, "\nThe gateway keeps running: see %s, or: gateway status --admin %s\nCtrl-C ends it.\n",
			g.AdminURL(), g.AdminURL())
		<-ctx.Done()
	}
	stop()
	return errors.Join(err, parts.Wait())
}

// configuration is the gateway's, with its state in dir.
func (d *demo) configuration(dir string) (config.Config, error) {
	yaml, err := d.backend.Configuration(dir, time.Minute)
	if err != nil {
		return config.Config{}, err
	}
	yaml += fmt.Sprintf(demoConfiguration, filepath.Join(dir, "data"), d.radio.broker.URL(), demoApplication)
	return config.Parse("demo.yaml", []byte(yaml))
}

const demoConfiguration = `
data: %[1]q
admin: {listen: "127.0.0.1:0"}
coap: {listen: "127.0.0.1:0"}
mqtt: {listen: "127.0.0.1:0"}
update: {retry: 1s}
lorawan:
  networks:
    - {name: demo, server: chirpstack-v4, mqtt: {url: %[2]q}, application: %[3]s, region: EU868}
`

// outcome is how one device ended.
type outcome struct {
	name, protocol string
	result         device.Result
	err            error
}

// update runs the devices and prints how they ended.
func (d *demo) update(ctx context.Context, g *gateway.Gateway) error {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	outcomes := make([]outcome, d.devices+d.sessions+d.radios)
	drawn := cli.NewBars(d.out)
	var devices sync.WaitGroup
	for i := range outcomes {
		o := &outcomes[i]
		run, err := d.device(g, i, o)
		if err != nil {
			return err
		}
		d.backend.Add(o.name)
		line := drawn.Add(o.name)
		devices.Go(func() { o.result, o.err = run(ctx, line) })
	}
	devices.Wait()
	drawn.Wait()
	if err := printOutcomes(d.out, outcomes); err != nil {
		return err
	}
	return d.report(ctx, outcomes)
}

// life runs one device to its end, drawing how far it is.
type life func(ctx context.Context, line *cli.Bar) (device.Result, error)

// device makes the i-th device: the CoAP devices come first, then those of MQTT, then
// those of LoRaWAN.
func (d *demo) device(g *gateway.Gateway, i int, o *outcome) (life, error) {
	switch {
	case i < d.devices:
		return coapDevice(g, i, o)
	case i < d.devices+d.sessions:
		return mqttDevice(g, i-d.devices, o)
	}
	return d.radioDevice(i-d.devices-d.sessions, o)
}

// coapDevice makes a device of one of both modes, in turns.
func coapDevice(g *gateway.Gateway, i int, o *outcome) (life, error) {
	mode := [...]string{"write", "block"}[i%2]
	o.name, o.protocol = fmt.Sprintf("sensor-%d", i+1), "coap "+mode
	client, err := device.Dial(g.Addr("coap").String(), device.Transmission{})
	if err != nil {
		return nil, err
	}
	c := &device.CoAP{Client: client, Device: dfu.Device{Application: demoApplication, Name: o.name}}
	return func(ctx context.Context, line *cli.Bar) (device.Result, error) {
		defer client.Close()
		return live(ctx, line, device.Config{MTU: 512, BlockSize: 512}, func(cfg device.Config) (*device.Device, error) {
			return device.NewCoAP(mode, cfg, c)
		})
	}, nil
}

// mqttDevice makes a device of one of both versions of MQTT, in turns.
func mqttDevice(g *gateway.Gateway, i int, o *outcome) (life, error) {
	version := [...]byte{devicemqtt.V5, devicemqtt.V311}[i%2]
	o.name = fmt.Sprintf("meter-%d", i+1)
	o.protocol = "mqtt " + map[byte]string{devicemqtt.V5: "5", devicemqtt.V311: "3.1.1"}[version]
	t := &devicemqtt.Transport{
		Address: g.Addr("mqtt").String(), Device: dfu.Device{Application: demoApplication, Name: o.name},
		Version: version, QoS: 1,
	}
	return func(ctx context.Context, line *cli.Bar) (device.Result, error) {
		defer t.Close()
		return live(ctx, line, device.Config{MTU: 512}, func(cfg device.Config) (*device.Device, error) {
			return device.New(cfg, t)
		})
	}, nil
}

func (d *demo) radioDevice(i int, o *outcome) (life, error) {
	far, protocol, err := d.radio.add(i)
	if err != nil {
		return nil, err
	}
	o.name, o.protocol = far.Name(), protocol
	return func(ctx context.Context, line *cli.Bar) (device.Result, error) {
		cfg := device.Config{MTU: event.MaxPayload, Backoff: time.Millisecond}
		return live(ctx, line, cfg, func(cfg device.Config) (*device.Device, error) {
			return device.New(cfg, radioLink{far})
		})
	}, nil
}

// live makes a device and updates it.
func live(
	ctx context.Context, line *cli.Bar, cfg device.Config, build func(device.Config) (*device.Device, error),
) (device.Result, error) {
	cfg.Version = demoOld
	cfg.Progress = func(offset, size uint32) { line.Set(int64(offset), int64(size)) }
	d, err := build(cfg)
	if err != nil {
		return device.Result{}, err
	}
	result, err := d.RunStrictly(ctx)
	line.Finish(int64(result.Bytes))
	return result, err
}

// report waits until the cloud knows how all devices ended.
func (d *demo) report(ctx context.Context, outcomes []outcome) error {
	names := make([]string, len(outcomes))
	for i, o := range outcomes {
		names[i] = o.name
	}
	events, err := d.backend.Settled(ctx, names)
	if err == nil {
		fmt.Fprintf(d.out, "\nThe cloud was told in %d events; each device is in sync there too.\n", events)
	}
	return err
}

// printOutcomes prints the summary and fails if a device did.
func printOutcomes(w io.Writer, outcomes []outcome) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "\nDEVICE\tPROTOCOL\tCHUNKS\tBYTES\tTIME\tVERIFIED DIGEST")
	var errs []error
	for _, o := range outcomes {
		verified := o.result.Digest.Short()
		if o.err != nil {
			verified = "FAILED"
			errs = append(errs, fmt.Errorf("%s: %w", o.name, o.err))
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%s\t%s\n", o.name, o.protocol, o.result.Chunks, o.result.Bytes,
			o.result.Duration.Round(time.Millisecond), verified)
	}
	return errors.Join(append(errs, t.Flush())...)
}
