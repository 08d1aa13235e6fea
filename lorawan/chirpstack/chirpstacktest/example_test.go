package chirpstacktest_test

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"havn/link/mqtt/mqtttest"
	"havn/lorawan/chirpstack/chirpstacktest"
	"havn/lorawan/chirpstack/chirpstacktest/clock"
	"havn/lorawan/event"
)

// A device asks through a broker inside the process; there is no gateway to
// answer.
func Example() {
	broker, err := mqtttest.Listen(0)
	if err != nil {
		fmt.Println(err)
		return
	}
	server, err := chirpstacktest.New(chirpstacktest.Config{
		Broker: broker.URL(),
		Timing: clock.Measured().Scaled(0.1),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	device, err := server.Add(chirpstacktest.DeviceConfig{EUI: event.DevEUI{1}, DR: 3})
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var parts errgroup.Group
	parts.Go(func() error { return broker.Run(ctx) })
	parts.Go(func() error { return server.Run(ctx) })
	<-server.Ready()

	_, ok, err := device.Exchange(ctx, 223, []byte("status"))
	fmt.Println("answer:", ok, err)
	fmt.Println("heard by the network:", device.Counts().Uplinks)

	cancel()
	fmt.Println("stopped:", parts.Wait())
	// Output:
	// answer: false <nil>
	// heard by the network: 1
	// stopped: <nil>
}
