package lab

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"havn/bench/device"
	"havn/dfu"
	"havn/link/mqtt/mqtttest"
	"havn/lorawan/chirpstack/chirpstacktest"
	"havn/lorawan/chirpstack/chirpstacktest/clock"
	"havn/lorawan/chirpstack/chirpstacktest/wire"
	"havn/lorawan/event"
)

// demoRadio is a broker with a simulated ChirpStack v4 and its devices.
type demoRadio struct {
	broker *mqtttest.Broker
	server *chirpstacktest.Server
}

// demoRates are the data rates of the devices, in turns: EU868 DR5 carries 242
// bytes, DR3 115.
var demoRates = [...]int{5, 3}

// demoTiming is a network server and radio much faster than life, so that the
// demo takes seconds where a real update takes hours.
var demoTiming = clock.Timing{
	Deduplication: 2 * time.Millisecond, DownlinkWait: 25 * time.Millisecond, TxAck: time.Millisecond,
}

func openRadio() (*demoRadio, error) {
	broker, err := mqtttest.Listen(0)
	if err != nil {
		return nil, err
	}
	server, err := chirpstacktest.New(chirpstacktest.Config{
		Broker: broker.URL(), Encoding: wire.V4, Timing: demoTiming,
	})
	return &demoRadio{broker, server}, err
}

// run runs broker and network server until ctx ends.
func (r *demoRadio) run(ctx context.Context) error {
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return r.broker.Run(ctx) })
	parts.Go(func() error { return r.server.Run(ctx) })
	return parts.Wait()
}

// add makes the i-th device and returns its outcome to be.
func (r *demoRadio) add(i int) (*chirpstacktest.Device, string, error) {
	dr := demoRates[i%len(demoRates)]
	far, err := r.server.Add(chirpstacktest.DeviceConfig{
		EUI: event.DevEUI{0: 0x70, 1: 0xb3, 7: byte(i + 1)}, Name: fmt.Sprintf("field-%d", i+1),
		Class: chirpstacktest.ClassA, DR: dr, Confirmed: true,
	})
	return far, fmt.Sprintf("lorawan DR%d", dr), err
}

// radioLink is the way of a device to the gateway: an uplink, and the downlink
// in its receive window, or none, which means to wait.
type radioLink struct{ *chirpstacktest.Device }

// demoFPort carries the Statuses.
const demoFPort = 223

// Exchange implements device.Transport.
func (l radioLink) Exchange(ctx context.Context, status []byte) (device.Answer, error) {
	downlink, ok, err := l.Device.Exchange(ctx, demoFPort, status)
	if err == nil && !ok {
		downlink = dfu.Command{Op: dfu.OpWait}.Append(nil)
	}
	return device.Answer{Command: downlink}, err
}
