package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"havn/bench/backend"
	"havn/dfu"
	"havn/upstream/drogue/droguetest"
)

// integration is the server through which an update service in the cloud hears
// of events and sends commands. The gateway does not use it here.
const integration backend.Server = "integration"

// cloudService is the design without a gateway: devices send each Status to the
// cloud, where a service reads and writes the device in the registry and sends
// the command. Site is all devices on one connection.
type cloudService struct {
	backend *backend.Backend
	meters  meters
	device  dfu.Device
	size    int // bytes of the firmware
	site    *peer
	service *peer
	http    *http.Client
	heard   uint64 // events that the service got
}

// cloud measures one exchange of each kind, and multiplies by how many the
// devices had.
func (c *campaign) cloud(ctx context.Context, n Messages) (cost CloudCost, err error) {
	s := &cloudService{
		backend: c.backend, meters: c.meters, device: c.devices[0].name, size: c.Size,
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}},
	}
	defer s.http.CloseIdleConnections()
	samples := c.devices[0].samples
	if err := s.connect(ctx); err != nil {
		return cost, err
	}
	defer s.site.close()
	defer s.service.close()
	// The first one, that is not counted, opens the connections.
	if _, err := s.exchange(ctx, samples[dfu.OpWrite]); err != nil {
		return cost, err
	}
	for _, kind := range []struct {
		op    dfu.Op
		count uint64
	}{{dfu.OpSync, n.Syncs}, {dfu.OpWrite, n.Writes}, {dfu.OpSwap, n.Swaps}} {
		parts, err := s.exchange(ctx, samples[kind.op])
		if err != nil {
			return cost, fmt.Errorf("%v: %w", kind.op, err)
		}
		cost.add(CloudExchange{Command: kind.op.String(), Count: kind.count, Parts: parts})
	}
	return cost, nil
}

// connect opens the MQTT connections, and waits until events come through.
func (s *cloudService) connect(ctx context.Context) (err error) {
	s.site, err = dialPeer(ctx, s.meters.front(backend.Endpoint),
		backend.Gateway+"@"+s.device.Application, backend.Secret)
	if err != nil {
		return err
	}
	s.service, err = dialPeer(ctx, s.meters.front(integration), backend.User, backend.Secret)
	if err != nil {
		s.site.close()
		return err
	}
	err = s.site.subscribe(ctx, "command/inbox/#", 0)
	if err == nil {
		err = s.service.subscribe(ctx, "$share/service/app/"+s.device.Application, 1)
	}
	if err != nil {
		s.site.close()
		s.service.close()
	}
	return err
}

// step is what happens between two looks at the meters.
type step struct {
	do    func(context.Context) error
	parts []part
}

// part is what one of the servers has to do with a step.
type part struct {
	name   string
	server backend.Server
}

// exchange is one exchange of a device, part by part.
func (s *cloudService) exchange(ctx context.Context, x sample) (parts []CloudPart, err error) {
	device, err := url.JoinPath("/apps", s.device.Application, "devices", s.device.Name)
	if err != nil {
		return nil, err
	}
	var resource droguetest.Resource
	get := func(ctx context.Context) error { return s.get(ctx, device, &resource) }
	for _, step := range []step{
		{func(ctx context.Context) error { return s.report(ctx, x.status) },
			[]part{{"Status", backend.Endpoint}, {"event of the Status", integration}}},
		{get, []part{{"GET device", backend.Registry}}},
		{func(ctx context.Context) error {
			var ignored droguetest.Resource
			return s.get(ctx, "/apps/"+s.device.Application, &ignored)
		}, []part{{"GET application", backend.Registry}}},
		{get, []part{{"GET device, to write it", backend.Registry}}},
		{func(ctx context.Context) error { return s.put(ctx, device, resource, x.status) },
			[]part{{"PUT device", backend.Registry}, {"event of the PUT", integration}}},
		{func(ctx context.Context) error { return s.command(ctx, x.command) },
			[]part{{"command and PUBACK", integration}, {"Command", backend.Endpoint}}},
	} {
		before := s.meters.traffic()
		if err := step.do(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", step.parts[0].name, err)
		}
		after := s.meters.traffic()
		for _, p := range step.parts {
			parts = append(parts, CloudPart{
				Name: p.name, SiteLink: p.server == backend.Endpoint,
				Traffic: after[p.server].minus(before[p.server]),
			})
		}
	}
	return parts, nil
}

// report sends a Status as event of the device, and waits until the service has
// it.
func (s *cloudService) report(ctx context.Context, status []byte) error {
	if err := s.site.publish(ctx, "dfu/"+s.device.Name, 0, status); err != nil {
		return err
	}
	return s.hear(ctx, droguetest.DeviceEvent)
}

// hear waits until the service has an event of a type, and the server knows.
func (s *cloudService) hear(ctx context.Context, kind string) error {
	for {
		m, err := s.service.next(ctx)
		if err != nil {
			return err
		}
		s.heard++
		var e struct{ Type, Device string }
		if err := json.Unmarshal(m.Payload, &e); err != nil {
			return err
		}
		if e.Type == kind && e.Device == s.device.Name {
			return eventually(ctx, s.acknowledged)
		}
	}
}

func (s *cloudService) acknowledged() error {
	n := s.backend.Cloud.Counters(droguetest.Integration).Requests["Puback"]
	if n != s.heard {
		return fmt.Errorf("%d events delivered, %d acknowledged", s.heard, n)
	}
	return nil
}

// command sends the command, and waits until the device has it.
func (s *cloudService) command(ctx context.Context, command []byte) error {
	topic := "command/" + s.device.Application + "/" + s.device.Name + "/dfu"
	if err := s.service.publish(ctx, topic, 1, command); err != nil {
		return err
	}
	m, err := s.site.next(ctx)
	if err == nil && !bytes.Equal(m.Payload, command) {
		err = fmt.Errorf("the device got %d other bytes on %s", len(m.Payload), m.Topic)
	}
	return err
}

func (s *cloudService) get(ctx context.Context, path string, to *droguetest.Resource) error {
	body, err := s.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	*to = droguetest.Resource{}
	return json.Unmarshal(body, to)
}

// put writes status.firmware as the service does after a Status, and waits for
// the event that this is to itself.
func (s *cloudService) put(
	ctx context.Context, path string, resource droguetest.Resource, status []byte,
) error {
	section, err := s.written(status)
	if err != nil {
		return err
	}
	if resource.Status == nil {
		resource.Status = map[string]json.RawMessage{}
	}
	resource.Status["firmware"] = section
	body, err := json.Marshal(resource)
	if err != nil {
		return err
	}
	if _, err := s.do(ctx, http.MethodPut, path, body); err != nil {
		return err
	}
	return s.hear(ctx, droguetest.RegistryEvent)
}

// do sends one request to the device registry.
func (s *cloudService) do(
	ctx context.Context, method, path string, body []byte,
) ([]byte, error) {
	address := "http://" + s.meters.front(backend.Registry) + "/api/registry/v1alpha1" + path
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(backend.User, backend.Secret)
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	return answer, err
}

// written is the section status.firmware that the service writes after a Status.
func (s *cloudService) written(status []byte) (json.RawMessage, error) {
	st, err := dfu.ParseStatus(status)
	if err != nil {
		return nil, err
	}
	type condition map[string]string
	now := time.Now().UTC().Format(time.RFC3339Nano)
	inSync := condition{"type": "InSync", "status": "False", "lastTransitionTime": now}
	if string(st.Version) == newVersion {
		inSync["status"] = "True"
	}
	conditions := []condition{inSync}
	if st.Updating {
		conditions = append(conditions, condition{
			"type": "UpdateProgress", "status": "Unknown", "lastTransitionTime": now,
			"message": fmt.Sprintf("%.2f", 100*float64(st.Update.Offset)/float64(s.size)),
		})
	}
	return json.Marshal(map[string]any{
		"conditions": conditions, "current": string(st.Version), "target": newVersion,
	})
}
