package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
)

// ports are below those that systems give to whoever asks for any, so that
// none is taken between two runs of a gateway.
var ports atomic.Int32

const firstPort, lastPort = 20_000, 32_000

// freePort returns a HOST:PORT on loopback that nobody else listens on, and
// that no other test gets.
func freePort(t *testing.T, network string) string {
	t.Helper()
	ports.CompareAndSwap(0, int32(firstPort+rand.IntN((lastPort-firstPort)/2)))
	for {
		port := ports.Add(1)
		if port > lastPort {
			t.Fatal("no free port")
		}
		address := fmt.Sprintf("127.0.0.1:%d", port)
		if free(network, address) {
			return address
		}
	}
}

func free(network, address string) bool {
	var c io.Closer
	var err error
	if network == "udp" {
		c, err = net.ListenPacket(network, address)
	} else {
		c, err = net.Listen(network, address)
	}
	return err == nil && c.Close() == nil
}
