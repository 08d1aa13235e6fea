package droguetest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"

	"havn/upstream/drogue/droguetest/apps"
)

// command is on its way to one device.
type command struct {
	device, name string
	payload      []byte
}

// inbox receives commands that are addressed to a gateway.
type inbox struct {
	gateway apps.Identity
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
	targets, external, ok := c.Targets(app, device)
	switch {
	case !ok:
		return false
	case external != "":
		return postCommand(external, app, device, name, payload)
	}
	for _, deliver := range c.receivers(app, device, targets) {
		deliver(command{device, name, payload})
	}
	return true
}

// receivers lists who listens for the commands of device.
func (c *Cloud) receivers(app, device string, targets []string) (all []func(command)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, target := range targets {
		id := apps.Identity{App: app, Device: target}
		for i := range c.inboxes {
			if i.gateway == id && (i.device == "" || i.device == device) {
				all = append(all, i.deliver)
			}
		}
	}
	return all
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
