package backend

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"havn/upstream/drogue/droguetest"
	"havn/upstream/drogue/droguetest/apps"
	"havn/upstream/oci"
)

// Server is one of the servers that a gateway speaks to.
type Server string

// The servers.
const (
	Images   Server = "images"   // the OCI registry
	Registry Server = "registry" // the device registry of Drogue Cloud
	Endpoint Server = "endpoint" // the MQTT endpoint of Drogue Cloud
)

// Options say what a backend is made of.
type Options struct {
	Application string // of the devices
	Firmware    string // file
	Version     string // of it
	// Via returns the address at which the gateway is to reach a server, given
	// the server's own: that of a relay in between. Nil: the server's own.
	Via func(s Server, address string) (string, error)
}

// Names and the secret of everybody: nothing of it leaves loopback.
const (
	Gateway = "site-gateway" // the gateway device
	User    = "site"         // of the registry, and of the integration
	Secret  = "only-on-loopback"
)

// Backend is a running backend. Its methods may be called concurrently.
type Backend struct {
	Cloud    *droguetest.Cloud
	Image    string         // HOST/NAME:TAG that is wanted on all devices
	Artifact oci.PushResult // what Image is

	options     Options
	images      *images
	told        told
	registryURL string // as the gateway reaches it
	endpointURL string
}

// Start starts the servers and pushes the firmware.
func Start(ctx context.Context, o Options) (_ *Backend, err error) {
	if o.Via == nil {
		o.Via = func(_ Server, address string) (string, error) { return address, nil }
	}
	b := &Backend{options: o}
	defer func() {
		if err != nil {
			b.Close()
		}
	}()
	if b.images, err = startImages(); err != nil {
		return nil, err
	}
	if b.Cloud, err = droguetest.Start(droguetest.Options{OnEvent: b.told.event}); err != nil {
		return nil, err
	}
	if err := b.publish(ctx); err != nil {
		return nil, err
	}
	return b, b.populate()
}

// Close ends all servers.
func (b *Backend) Close() {
	if b.Cloud != nil {
		b.Cloud.Close()
	}
	if b.images != nil {
		b.images.close()
	}
}

// publish pushes the firmware, not by way of Via.
func (b *Backend) publish(ctx context.Context) (err error) {
	name := "/" + b.options.Application + "/firmware:" + b.options.Version
	b.Artifact, err = oci.Push(ctx, oci.PushOptions{
		File: b.options.Firmware, Image: b.images.address + name, Version: b.options.Version,
		PlainHTTP: true,
	})
	if err != nil {
		return err
	}
	b.images.forget()
	host, err := b.options.Via(Images, b.images.address)
	b.Image = host + name
	return err
}

// populate makes the application and the gateway's device.
func (b *Backend) populate() (err error) {
	if b.registryURL, err = b.via(Registry, b.Cloud.RegistryURL); err != nil {
		return err
	}
	if b.endpointURL, err = b.via(Endpoint, b.Cloud.MQTTURL); err != nil {
		return err
	}
	b.Cloud.AddUser(apps.User{Name: User, Token: Secret})
	spec, err := json.Marshal(oci.Ref{Image: b.Image}.Spec())
	if err != nil {
		return err
	}
	b.Cloud.PutApplication(b.options.Application, `{"firmware":`+string(spec)+`}`)
	b.Cloud.PutDevice(b.options.Application, Gateway,
		`{"authentication":{"credentials":[{"pass":"`+Secret+`"}]}}`, nil)
	return nil
}

// via puts the address that Options.Via has for a server into its URL.
func (b *Backend) via(server Server, address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	u.Host, err = b.options.Via(server, u.Host)
	return u.String(), err
}

// Add registers a device that the gateway may speak for.
func (b *Backend) Add(device string) {
	b.Cloud.PutDevice(b.options.Application, device,
		fmt.Sprintf(`{"gatewaySelector":{"matchNames":[%q]}}`, Gateway), nil)
}

// Configuration is what a gateway needs to use the backend, in YAML. The file
// with everybody's secret is written into dir.
func (b *Backend) Configuration(dir string, refresh time.Duration) (string, error) {
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte(Secret), 0o600); err != nil {
		return "", err
	}
	host, _, _ := strings.Cut(b.Image, "/")
	return fmt.Sprintf(configuration, host, refresh, b.registryURL, User, secret,
		b.endpointURL, b.options.Application, Gateway), nil
}

// configuration is for the values of Configuration, in their order.
const configuration = `
firmware:
  registries: [{host: %[1]q, plain_http: true}]
  refresh: %[2]s
upstream:
  drogue:
    registry: {url: %[3]q, user: %[4]s, token_file: %[5]q, refresh: %[2]s}
    endpoints:
      - {url: %[6]q, application: %[7]q, device: %[8]s, password_file: %[5]q}
`

// Requests returns what the servers were asked so far: HTTP requests by method
// and resource, MQTT packets by type.
func (b *Backend) Requests(server Server) map[string]uint64 {
	switch server {
	case Registry:
		return b.Cloud.Counters(droguetest.Registry).Requests
	case Endpoint:
		return b.Cloud.Counters(droguetest.MQTT).Requests
	case Images:
		return b.images.counted()
	}
	return nil
}
