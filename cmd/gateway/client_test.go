package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/bench/device"
	"havn/dfu"
	"havn/gateway/admin/api"
)

// client is the CoAP side of one device.
func (s *site) client(name string) *device.CoAP {
	s.t.Helper()
	c, err := device.Dial(s.coap, device.Transmission{AckTimeout: 200 * time.Millisecond})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	app, name, _ := strings.Cut(name, "/")
	return &device.CoAP{Client: c, Device: dfu.Device{Application: app, Name: name}}
}

// updates runs the device APP/NAME, of mode "write" or "block", until it runs
// firmware, and fails if the gateway breaks a rule on the way.
func (s *site) updates(mode, name, from, to string, firmware []byte) {
	s.t.Helper()
	cfg := device.Config{
		Version: from, BlockSize: 256, MTU: 256, Sleep: briefly,
		Until: func(d device.State) bool { return d.Version == to && d.InSync },
	}
	d, err := device.NewCoAP(mode, cfg, s.client(name))
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	if _, err := d.RunStrictly(ctx); err != nil {
		s.t.Fatalf("device %s: %v\nits row: %+v", name, err, s.row(name))
	}
	if !bytes.Equal(d.Image(), firmware) {
		s.t.Errorf("device %s runs other bytes than were published", name)
	}
}

// briefly waits shorter than it is told to: polls of minutes only make tests long.
func briefly(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(min(d, 200*time.Millisecond)):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// status reports a version and returns the answer.
func (s *site) status(name, version string) dfu.Command {
	s.t.Helper()
	st := dfu.Status{Version: []byte(version)}
	a, err := s.client(name).Exchange(s.t.Context(), st.Append(nil))
	if err != nil {
		s.t.Fatal(err)
	}
	cmd, err := dfu.ParseCommand(a.Command)
	if err != nil {
		s.t.Fatal(err)
	}
	return cmd
}

// mustWait fails unless devices are told to ask again in a second, whichever
// way they ask.
func (s *site) mustWait(name, version string) {
	s.t.Helper()
	if cmd := s.status(name, version); cmd.Op != dfu.OpWait || cmd.Poll != 1 {
		s.t.Errorf("device %s: answer %v, poll %d, want to wait 1 s", name, cmd.Op, cmd.Poll)
	}
	c := s.client(name)
	resp, err := c.Client.Do(s.t.Context(), device.Request{
		Code: codes.GET, Path: []string{"fw", c.Device.Application, c.Device.Name},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	age, _ := resp.Uint(message.MaxAge)
	if resp.Code != codes.ServiceUnavailable || age != 1 {
		s.t.Errorf("device %s: GET answers %v, Max-Age %d, want 5.03 and 1", name, resp.Code, age)
	}
}

// row returns the gateway's view of APP/NAME.
func (s *site) row(name string) api.Device {
	s.t.Helper()
	var v api.Device
	if err := s.get("/api/v1/devices/"+name, &v); err != nil {
		s.t.Fatal(err)
	}
	return v
}

// says waits until the row of a device says all of texts as its error.
func (s *site) says(name string, texts ...string) {
	s.t.Helper()
	s.eventually("the row of "+name+" says why", func() error {
		v := s.row(name)
		for _, text := range texts {
			if !strings.Contains(v.Error, text) {
				return fmt.Errorf("state %s, error %q, want %q in it", v.State, v.Error, text)
			}
		}
		return nil
	})
}

// counts waits until a metric, with its labels, is not 0.
func (s *site) counts(metric string) {
	s.t.Helper()
	s.eventually(metric+" counts", func() error {
		for line := range strings.Lines(s.metrics()) {
			if n, ok := strings.CutPrefix(line, metric+" "); ok && strings.TrimSpace(n) != "0" {
				return nil
			}
		}
		return errNotYet
	})
}
