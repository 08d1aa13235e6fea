package endpoint

import (
	"bufio"
	"errors"
	"net"
	"testing"

	"havn/link/linktest"
	"havn/upstream/drogue"
	"havn/upstream/drogue/droguetest"
)

// TestOldServer: a server that knows MQTT 3.1.1 alone is spoken to in it. What
// it refuses it answers by closing the connection.
func TestOldServer(t *testing.T) {
	for name, refuse := range map[string]string{
		"3.1.1 CONNACK": "\x20\x02\x00\x01",
		"5.0 CONNACK":   "\x20\x03\x00\x84\x00",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, droguetest.Options{})
			w.PutDevice("app", "alone", `{}`, nil)
			w.cfg.URL = "mqtt://" + oldServer(t, w.MQTTURL[len("mqtt://"):], refuse)
			p, commands, _ := w.endpoint()
			published(t, p, "d1", `{"v":3}`)
			err := p.send(t.Context(), message{"alone", "firmware", "", nil})
			if !errors.Is(err, drogue.ErrDenied) {
				t.Errorf("refused event: %v", err)
			}
			published(t, p, "d1", `{"v":31}`)
			linktest.Eventually(t, func() error {
				w.Command("app", "d1", "hello", []byte("x"))
				select {
				case c := <-commands:
					if c != "app/d1 hello x" {
						t.Errorf("command %s", c)
					}
					return nil
				default:
					return errors.New("no command received")
				}
			})
			for _, e := range w.Events("app", "d1") {
				if e.ContentType != "application/json" {
					t.Errorf("content type %q: version 3 has none, so it is sniffed", e.ContentType)
				}
			}
		})
	}
}

// oldServer passes connections on to address that speak MQTT 3.1.1, and
// answers others with refuse.
func oldServer(t *testing.T, address, refuse string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serveOld(conn, address, refuse)
		}
	}()
	return l.Addr().String()
}

func serveOld(conn net.Conn, address, refuse string) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	const level = 8 // of the protocol, behind a length of one byte and the name
	if connect, err := r.Peek(level + 1); err != nil || connect[level] != 4 {
		r.Discard(r.Buffered()) // what is unread would turn our close into a reset
		conn.Write([]byte(refuse))
		return
	}
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		r.WriteTo(server)
		server.Close()
	}()
	bufio.NewReader(server).WriteTo(conn)
}
