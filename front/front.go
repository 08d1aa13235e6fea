package front

import (
	"context"
	"log/slog"
	"net"

	"havn/dfu"
	"havn/telemetry"
	"havn/update"
)

// Front is one way in which devices reach the gateway.
type Front interface {
	// Name is the protocol, as metrics, logs and the API write it: "coap". Several
	// fronts may have the same: two LoRaWAN networks.
	Name() string
	// Run answers devices until ctx ends, then returns nil; or until the front
	// breaks, then it returns why. All its goroutines have ended when it returns.
	// It is called at most once.
	Run(ctx context.Context) error
	// Close releases what the constructor took, for a front that does not Run. It
	// may be called more than once, and after Run.
	Close() error
	// Counts returns what the front counts.
	Counts() *Counts
}

// Reloader is a Front that takes over a new configuration while it runs. S is the
// section of the configuration that it understands.
type Reloader[S any] interface {
	Front
	// Reload takes over what may change while devices are served. After an error the
	// front keeps what it has.
	Reload(section S) error
}

// Listener is a Front with a socket of its own.
type Listener interface {
	Front
	// Addr returns the address that devices reach.
	Addr() net.Addr
	// URLs returns all addresses that devices reach: "coap://192.0.2.1:5683".
	URLs() []string
}

// Waker is a Front that can send to a device that did not ask.
type Waker interface {
	Front
	// Wake tells that a command waits for a device, in the Upstream of the front.
	// The device may be none of this front's. Wake does not block.
	Wake(dfu.Device)
}

// Parts are the neighbours of a front.
type Parts struct {
	Engine   *update.Engine
	Upstream telemetry.Upstream // takes telemetry, and has the commands for devices
	Log      *slog.Logger       // nil = none
}
