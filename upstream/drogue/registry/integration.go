package registry

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"

	"havn/dfu"
	"havn/link"
	"havn/link/mqtt"
	"havn/upstream/drogue"
)

// registryEvent is the type of event that tells of a change in the registry.
const registryEvent = "io.drogue.registry.v1"

// integration listens for changes of devices, in every application that is
// asked for.
type integration struct {
	registry *Registry
	group    string
	client   *mqtt.Client
}

func newIntegration(cfg drogue.IntegrationConfig, r *Registry) (*integration, error) {
	const name = "MQTT integration of Drogue Cloud"
	if _, err := (link.File{Key: "upstream.drogue.integration.ca", Path: cfg.CA}).Pool(); err != nil {
		return nil, err
	}
	i := &integration{registry: r, group: cfg.Group}
	var err error
	i.client, err = mqtt.New(mqtt.Config{URL: cfg.URL, CA: cfg.CA}, mqtt.Parts{
		Pace: mqtt.Far, Account: func() (user, password string, err error) { return account(cfg) },
		Filters: i.filters, QoS: 1, Granted: i.granted, Receive: i.receive,
		Log: r.log.With(slog.String("for", name)),
	})
	return i, err
}

// account returns what to connect with. A bearer token stands as user name,
// the one place where both versions of MQTT accept it alone.
func account(cfg drogue.IntegrationConfig) (user, password string, err error) {
	token, err := link.File{Key: "upstream.drogue.integration.token_file", Path: cfg.TokenFile}.Token()
	if cfg.User == "" {
		return token, "", err
	}
	return cfg.User, token, err
}

func (i *integration) run(ctx context.Context) { _ = i.client.Run(ctx) }

// filters lists the subscriptions.
func (i *integration) filters() (all []string) {
	for _, name := range i.registry.applicationNames() {
		if drogue.PlainName(name) {
			all = append(all, i.filter(name))
		}
	}
	return all
}

// filter returns the subscription of an application. Without a group the
// server keeps no place for us in the stream: after an outage everything is
// read again instead of every event of it delivered.
func (i *integration) filter(application string) string {
	if i.group == "" {
		return "app/" + application
	}
	return "$share/" + i.group + "/app/" + application
}

// granted notes whether somebody tells of changes in an application.
func (i *integration) granted(filter string, live bool) {
	i.registry.setLive(filter[strings.LastIndexByte(filter, '/')+1:], live)
}

// event is what is looked at of a CloudEvent in structured JSON.
type event struct {
	Type        string `json:"type"`
	Application string `json:"application"`
	Device      string `json:"device"`
}

// receive takes an event. One that cannot be read is passed over: to refuse it
// would have it delivered again and again.
func (i *integration) receive(topic string, payload []byte) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		i.registry.stats.BadEvents.Add(1)
		i.registry.log.Debug("event passed over", slog.String("topic", topic), slog.Any("error", err))
		return
	}
	if e.Type == registryEvent {
		i.registry.stats.Events.Add(1)
		i.registry.changedUpstream(dfu.Device{Application: e.Application, Name: e.Device})
	}
}

// applicationNames lists the applications that exist and are asked for.
func (r *Registry) applicationNames() (names []string) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for name, app := range r.apps {
		if !app.own.Missing && app.refused == nil && app.rounds > 0 {
			names = append(names, name)
		}
	}
	return names
}

// changedUpstream notes that the registry told of a change of a device.
func (r *Registry) changedUpstream(dev dfu.Device) {
	r.mu.Lock()
	defer r.mu.Unlock()
	app := r.apps[dev.Application]
	if app == nil || (app.devices[dev.Name] == nil && !app.questions[dev.Name]) {
		return // nobody here asks for it
	}
	if d := app.devices[dev.Name]; d != nil && d.ownWrites > 0 {
		if d.ownWrites--; r.clock().Before(d.ownUntil) {
			return
		}
		d.ownWrites = 0
	}
	if r.open < maxQuestions {
		r.question(app, dev.Name)
	}
}

// setLive notes whether the integration tells of changes in an application.
// What changed before it did is read now.
func (r *Registry) setLive(application string, live bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	app := r.apps[application]
	if app == nil || app.live == live {
		return
	}
	if app.live = live; live {
		app.due, app.rounds = time.Time{}, 0
		r.poke()
		r.log.Debug("changes in the registry are told at once", slog.String("application", application))
	}
}
