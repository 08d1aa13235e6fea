package apps

// Targets returns who is sent the commands of a device: itself and the gateways it
// lists, or external, the endpoint of one of them that takes its commands. False:
// there is no such device, or it takes no commands.
func (c *Apps) Targets(app, device string) (targets []string, external string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.apps[app]
	if a == nil || a.devices[device] == nil || !enabled(a.devices[device]) {
		return nil, "", false
	}
	targets = []string{device}
	var gateways []*Resource
	for _, name := range a.devices[device].gateways() {
		if gateway := a.devices[name]; gateway != nil && enabled(gateway) {
			targets, gateways = append(targets, name), append(gateways, gateway)
		}
	}
	return targets, externalCommands(gateways), true
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
