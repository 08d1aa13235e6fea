package droguetest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

// command is on its way to one device.
type command struct {
	device, name string
	payload      []byte
}

// inbox receives commands that are addressed to a gateway.
type inbox struct {
	gateway identity
	device  string // "" = any that the gateway speaks for, itself included
	deliver func(command)
}

// listen adds an inbox; the function takes it away.
func (c *Cloud) listen(i *inbox) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inboxes[i] = true
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.inboxes, i)
	}
}

// Command sends a command to a device, as an application would. It reports
// whether it was accepted, which says nothing about its delivery: it reaches
// whoever listens now, the device itself and each gateway that it lists.
func (c *Cloud) Command(app, device, name string, payload []byte) bool {
	c.mu.Lock()
	a := c.apps[app]
	if a == nil || a.devices[device] == nil || !enabled(a.devices[device]) {
		c.mu.Unlock()
		return false
	}
	targets := []*Resource{a.devices[device]}
	for _, name := range a.devices[device].gateways() {
		if gateway := a.devices[name]; gateway != nil && enabled(gateway) {
			targets = append(targets, gateway)
		}
	}
	external := externalCommands(targets[1:])
	receivers := c.receivers(app, device, targets)
	c.mu.Unlock()
	if external != "" {
		return postCommand(external, app, device, name, payload)
	}
	for _, deliver := range receivers {
		deliver(command{device, name, payload})
	}
	return true
}

// receivers lists who listens for the commands of device. The caller holds mu.
func (c *Cloud) receivers(app, device string, targets []*Resource) (all []func(command)) {
	for _, target := range targets {
		id := identity{app, target.Metadata.Name}
		for i := range c.inboxes {
			if i.gateway == id && (i.device == "" || i.device == device) {
				all = append(all, i.deliver)
			}
		}
	}
	return all
}

// enabled is how Drogue Cloud reads spec.core when it sends a command: a
// section that does not say disabled: true disables.
func enabled(r *Resource) bool {
	_, ok := r.Spec["core"]
	return !ok || disabled(r)
}

// externalCommands returns the endpoint that takes a gateway's commands in its
// place, if one has any.
func externalCommands(gateways []*Resource) string {
	for _, gateway := range gateways {
		var section struct {
			Commands []struct {
				External *struct {
					URL string `json:"url"`
				} `json:"external"`
			} `json:"commands"`
		}
		gateway.section("commands", &section)
		for _, entry := range section.Commands {
			if entry.External != nil {
				return entry.External.URL
			}
		}
	}
	return ""
}

func postCommand(url, app, device, name string, payload []byte) bool {
	body, err := json.Marshal(map[string]any{
		"application": app, "device": device, "command": name, "payload": payload,
	})
	if err != nil {
		return false
	}
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode < 300
}
