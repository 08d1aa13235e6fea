package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"havn/gateway/config"
	"havn/gateway/firmware"
	"havn/gateway/update"
	"havn/upstream"
	"havn/upstream/drogue"
	"havn/upstream/drogue/droguetest"
)

// demoCloud is a stand-in for Drogue Cloud with the demo's application: it says
// which firmware is desired, and is told how the devices do.
type demoCloud struct{ *droguetest.Cloud }

const (
	demoGateway  = "site-gateway"
	demoUser     = "demo"
	demoPassword = "only-on-loopback"
)

// startCloud starts the stand-in with an application whose devices should run
// image.
func startCloud(image string) (demoCloud, error) {
	cloud, err := droguetest.Start(droguetest.Options{})
	if err != nil {
		return demoCloud{}, err
	}
	cloud.AddUser(droguetest.User{Name: demoUser, Token: demoPassword})
	spec, err := json.Marshal(firmware.Spec{Container: &firmware.ContainerSpec{Image: image}})
	if err != nil {
		return demoCloud{}, err
	}
	cloud.PutApplication(demoApplication, `{"firmware":`+string(spec)+`}`)
	cloud.PutDevice(demoApplication, demoGateway,
		`{"authentication":{"credentials":[{"pass":"`+demoPassword+`"}]}}`, nil)
	return demoCloud{cloud}, nil
}

// add registers a device that the gateway may speak for.
func (c demoCloud) add(name string) {
	c.PutDevice(demoApplication, name, `{"gatewaySelector":{"matchNames":["`+demoGateway+`"]}}`, nil)
}

// configure makes the gateway use the stand-in. dir is for the credentials.
func (c demoCloud) configure(cfg *config.Config, dir string) error {
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte(demoPassword), 0o600); err != nil {
		return err
	}
	cfg.Upstream.Drogue.Registry = drogue.RegistryConfig{
		URL: c.RegistryURL, User: demoUser, TokenFile: secret, Refresh: time.Minute,
	}
	cfg.Upstream.Drogue.Endpoints = []drogue.Endpoint{{
		URL: c.MQTTURL, Application: demoApplication, Device: demoGateway, PasswordFile: secret,
	}}
	return nil
}

// settled waits until the final status of each device has arrived, as event and
// as status.firmware. It returns how many events the cloud was sent.
func (c demoCloud) settled(ctx context.Context, devices []string) (events int, err error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if events, err = c.check(devices); err == nil {
			return events, nil
		}
		select {
		case <-ctx.Done():
			return events, fmt.Errorf("upstream: %w", errors.Join(context.Cause(ctx), err))
		case <-tick.C:
		}
	}
}

// check reports the first device whose final status is not there.
func (c demoCloud) check(devices []string) (events int, err error) {
	for _, name := range devices {
		got := c.Events(demoApplication, name)
		events += len(got)
		if !lastInSync(got) {
			return events, fmt.Errorf("%s: the event that it is in sync has not arrived", name)
		}
		if resource, ok := c.Device(demoApplication, name); !ok || !statusInSync(resource) {
			return events, fmt.Errorf("%s: status.firmware does not say that it is in sync", name)
		}
	}
	return events, nil
}

func lastInSync(events []droguetest.Event) bool {
	if len(events) == 0 {
		return false
	}
	var s upstream.Status
	err := json.Unmarshal(events[len(events)-1].Data, &s)
	return err == nil && s.State == update.StateInSync && s.Current == demoNew
}

func statusInSync(r droguetest.Resource) bool {
	var status struct {
		Current    string
		Conditions []struct{ Type, Status string }
	}
	if json.Unmarshal(r.Status["firmware"], &status) != nil || status.Current != demoNew {
		return false
	}
	for _, c := range status.Conditions {
		if c.Type == "InSync" {
			return c.Status == "True"
		}
	}
	return false
}
