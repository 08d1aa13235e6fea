package lorawan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"

	"havn/bench"
	"havn/link/mqtt/mqtttest"
)

// The brokers that a benchmark brings along.
const (
	BrokerMosquitto = "mosquitto" // Eclipse Mosquitto as a process of its own
	BrokerEmbedded  = "embedded"  // inside this process
)

func checkBroker(broker string) error {
	switch broker {
	case "", BrokerMosquitto, BrokerEmbedded:
		return nil
	}
	u, err := url.Parse(broker)
	if err != nil || u.Scheme != "mqtt" || u.User != nil || u.Path != "" {
		return fmt.Errorf("%w: broker %q: want %s, %s or mqtt://127.0.0.1:PORT",
			bench.ErrUsage, broker, BrokerMosquitto, BrokerEmbedded)
	}
	addr, err := netip.ParseAddrPort(u.Host)
	if err != nil || !addr.Addr().IsLoopback() {
		return fmt.Errorf("%w: broker %q: only brokers on this machine are loaded; "+
			"want mqtt://127.0.0.1:PORT", bench.ErrUsage, broker)
	}
	return nil
}

// broker returns the broker that is used, which is never empty.
func (l Benchmark) broker() (string, error) {
	_, err := os.Stat(mqtttest.MosquittoPath)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case l.Broker == "" && missing:
		return BrokerEmbedded, nil
	case l.Broker == "":
		return BrokerMosquitto, nil
	case l.Broker == BrokerMosquitto && missing:
		return "", fmt.Errorf("%w: Mosquitto is not installed at %s (Debian package mosquitto); "+
			"use --broker %s", bench.ErrUsage, mqtttest.MosquittoPath, BrokerEmbedded)
	}
	return l.Broker, nil
}

// runningBroker is a broker of one network.
type runningBroker struct {
	url string
	run func(context.Context) error
}

// newBroker returns a broker of that name. Its files are in dir, which outlives
// it.
func newBroker(name, dir string) (runningBroker, error) {
	switch name {
	case BrokerMosquitto:
		m, err := mqtttest.NewMosquitto(dir)
		if err != nil {
			return runningBroker{}, err
		}
		return runningBroker{m.URL(), m.Run}, nil
	case BrokerEmbedded:
		b, err := mqtttest.Listen(0)
		if err != nil {
			return runningBroker{}, err
		}
		return runningBroker{b.URL(), b.Run}, nil
	}
	runsElsewhere := func(context.Context) error { return nil }
	return runningBroker{name, runsElsewhere}, nil
}
