package endpoint_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"havn/dfu"
	"havn/upstream"
	"havn/upstream/drogue"
	"havn/upstream/drogue/droguetest"
	"havn/upstream/drogue/endpoint"
)

// A gateway device publishes for the device d1, in a stand-in for Drogue Cloud.
func ExampleEndpoint() {
	cloud, err := droguetest.Start(droguetest.Options{})
	if err != nil {
		panic(err)
	}
	defer cloud.Close()
	cloud.PutApplication("app", "")
	cloud.PutDevice("app", "gw", `{"authentication":{"credentials":[{"pass":"secret"}]}}`, nil)
	cloud.PutDevice("app", "d1", `{"gatewaySelector":{"matchNames":["gw"]}}`, nil)

	password := filepath.Join(os.TempDir(), "drogue-example-password")
	if err := os.WriteFile(password, []byte("secret"), 0o600); err != nil {
		panic(err)
	}
	defer os.Remove(password)
	e, err := endpoint.New(drogue.Endpoint{
		URL: cloud.HTTPURL, Application: "app", Device: "gw", PasswordFile: password,
	}, "firmware", endpoint.Parts{})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	done := make(chan error)
	go func() { done <- e.Run(ctx) }()

	err = e.Publish(ctx, &upstream.Event{
		Kind: upstream.Telemetry, Device: dfu.Device{Application: "app", Name: "d1"},
		Channel: "heat", ContentType: "application/json", Payload: []byte(`{"celsius":21}`),
	})
	for _, e := range cloud.Events("app", "d1") {
		fmt.Println(err, e.Sender, "for", e.Device, "on", e.Subject, string(e.Data))
	}
	cancel()
	<-done
	// Output: <nil> gw for d1 on heat {"celsius":21}
}
