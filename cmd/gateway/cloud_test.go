package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"havn/status"
	"havn/upstream"
	"havn/upstream/drogue/droguetest"
	"havn/upstream/drogue/droguetest/apps"
	"havn/upstream/drogue/droguetest/wire"
)

// cloud is a stand-in for Drogue Cloud with the application app and the gateway
// device of one site.
type cloud struct {
	*droguetest.Cloud
	t               *testing.T
	token, password string // files with what the gateway shows
	ca              string // file; empty without TLS
}

const rightPassword = "right-password"

func newCloud(t *testing.T, opts droguetest.Options) *cloud {
	t.Helper()
	opts.AuthCache = -1
	double, err := droguetest.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(double.Close)
	double.AddUser(apps.User{Name: "site", Token: rightPassword})
	double.PutApplication("app", "")
	double.PutDevice("app", "gw", `{"authentication":{"credentials":[{"pass":"`+rightPassword+`"}]}}`, nil)
	dir := t.TempDir()
	c := &cloud{
		Cloud: double, t: t,
		token: filepath.Join(dir, "token"), password: filepath.Join(dir, "password"),
	}
	c.file(c.token, rightPassword)
	c.file(c.password, rightPassword)
	if opts.TLS {
		c.ca = filepath.Join(dir, "ca.pem")
		c.file(c.ca, string(double.CA))
	}
	return c
}

func (c *cloud) file(path, text string) {
	c.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// section is the configuration of the gateway.
func (c *cloud) section() string {
	return fmt.Sprintf(`upstream:
  drogue:
    registry: {url: %q, user: site, token_file: %q, ca: %q, refresh: 1s}
    endpoints: [{url: %q, application: app, device: gw, password_file: %q, ca: %q}]
`, c.RegistryURL, c.token, c.ca, c.MQTTURL, c.password, c.ca)
}

// desire makes image the firmware of all devices.
func (c *cloud) desire(image string) {
	c.PutApplication("app", fmt.Sprintf(`{"firmware":{"container":{"image":%q}}}`, image))
}

// add registers devices that the gateway may speak for.
func (c *cloud) add(names ...string) {
	for _, name := range names {
		c.PutDevice("app", name, `{"gatewaySelector":{"matchNames":["gw"]}}`, nil)
	}
}

// addWith registers a device that has firmware of its own.
func (c *cloud) addWith(name, image string) {
	c.PutDevice("app", name, fmt.Sprintf(
		`{"gatewaySelector":{"matchNames":["gw"]},"firmware":{"container":{"image":%q}}}`, image), nil)
}

// reach sets how both ways up are reached.
func (c *cloud) reach(mode wire.Mode) {
	c.Set(droguetest.Registry, mode)
	c.Set(droguetest.MQTT, mode)
}

// told is a status event as it arrived.
type told = upstream.StatusBody

// arrived returns the status events of all devices, each in the order of arrival.
func (c *cloud) arrived() map[string][]apps.Event {
	all := map[string][]apps.Event{}
	for _, e := range c.Stream("app") {
		if e.Type == apps.DeviceEvent {
			all[e.Device] = append(all[e.Device], e)
		}
	}
	return all
}

func (c *cloud) read(e apps.Event) (status told) {
	c.t.Helper()
	if err := json.Unmarshal(e.Data, &status); err != nil {
		c.t.Errorf("event of %s: %v\n%s", e.Device, err, e.Data)
	}
	return status
}

// statuses are the status events of a device.
func (c *cloud) statuses(name string) (all []told) {
	c.t.Helper()
	for _, e := range c.Events("app", name) {
		all = append(all, c.read(e))
	}
	return all
}

// firmwareStatus is status.firmware of a device.
type firmwareStatus struct {
	Current, Target string
	Conditions      []condition
}

type condition struct{ Type, Status string }

func (c *cloud) firmwareStatus(name string) (s firmwareStatus) {
	c.t.Helper()
	resource, ok := c.Device("app", name)
	raw := resource.Status["firmware"]
	if !ok || raw == nil {
		return s
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		c.t.Errorf("status.firmware of %s: %v\n%s", name, err, raw)
	}
	return s
}

// knows waits until the cloud has it on both ways that devices run version.
func (c *cloud) knows(version string, names ...string) {
	c.t.Helper()
	c.tells(names, func(last told, written firmwareStatus) bool {
		return last.State == status.InSync && last.Current == version && last.Target == version &&
			last.Offset == last.Size && last.Progress == 1 && last.Error == "" &&
			written.Current == version && written.Target == version &&
			len(written.Conditions) == 1 && written.Conditions[0] == condition{"InSync", "True"}
	})
}

// tells waits until the last that the cloud has of each device is right.
func (c *cloud) tells(names []string, right func(last told, status firmwareStatus) bool) {
	c.t.Helper()
	eventually(c.t, "the cloud knows where all devices stand", func() error {
		var wrong []string
		arrived := c.arrived()
		for _, name := range names {
			var last told
			if all := arrived[name]; len(all) > 0 {
				last = c.read(all[len(all)-1])
			}
			if status := c.firmwareStatus(name); !right(last, status) {
				wrong = append(wrong, fmt.Sprintf("%s: %+v, status.firmware %+v", name, last, status))
			}
		}
		if len(wrong) > 0 {
			return fmt.Errorf("%d of %d do not, the first: %s", len(wrong), len(names), wrong[0])
		}
		return nil
	})
}

// errQuiet: the log does not say what it should.
var errQuiet = errors.New("not in the log")

// logsAll waits until the gateway has logged all of texts in one line.
func (s *site) logsAll(texts ...string) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("the log says %q", texts), func() error {
		for line := range strings.Lines(s.output.String()) {
			if containsAll(line, texts) {
				return nil
			}
		}
		return errQuiet
	})
}

func containsAll(line string, texts []string) bool {
	for _, text := range texts {
		if !strings.Contains(line, text) {
			return false
		}
	}
	return true
}
