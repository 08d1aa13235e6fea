package mqtt

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"havn/front"
	"havn/front/fronttest"
	"havn/link/linktest"
)

// TestBounds: packets that are larger, or promise more, than the front takes. The
// connection ends, and the front goes on.
func TestBounds(t *testing.T) {
	w := newWorld(t, Chunks{})
	c := w.device(t, 5, "d@edge")
	c.send(message("sensor", make([]byte, maxPacket), 0))
	if _, err := c.receive(); err == nil {
		t.Error("a large packet is taken")
	}
	for _, version := range versions {
		c = w.device(t, version, "d@edge")
		c.send(message("exactly-once", nil, 2))
		c.ended(0x9b)
	}
	w.until(t, 0)
	if got := w.taken(); got != "" {
		t.Errorf("refused, and taken: %s", got)
	}
	c = w.dial(t, 5)
	_, _ = c.conn.Write([]byte{0x10, 0xff, 0xff, 0xff, 0x7f}) // a CONNECT of 256 MiB
	if _, err := c.receive(); err == nil {
		t.Error("a large CONNECT is taken")
	}
	w.until(t, 0)
	w.device(t, 5, "d@edge").quiet()
	if n := w.Counts().Complaints.Rejected(front.Malformed); n == 0 {
		t.Error("not counted")
	}
}

// TestPatience: a connection that never says CONNECT ends, and one whose client does
// not read ends too.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := New(Setup{}, front.Parts{Engine: blinky.Engine(t)})
		if err != nil {
			t.Fatal(err)
		}
		here, there := net.Pipe()
		begin := time.Now()
		f.serve(t.Context(), newSession(there))
		if d := time.Since(begin); d != connectTimeout {
			t.Errorf("silent for %s", d)
		}
		_ = here.Close()

		here, there = net.Pipe()
		begin = time.Now()
		go func() { _, _ = here.Write(encode(t, 5, hello("d@edge", ""))) }()
		f.serve(t.Context(), newSession(there)) // nobody reads the CONNACK
		if d := time.Since(begin); d != writeTimeout {
			t.Errorf("blocked for %s", d)
		}
		_ = here.Close()
	})
}

// dialogue returns what a device sends that does everything once.
func dialogue(t testing.TB, version byte) (all []byte) {
	subscribe := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1}, PacketID: 1,
		Filters: packets.Subscriptions{{Filter: "command/inbox/#"}}}
	status := message("dfu", []byte{0x00}, 1)
	status.PacketID = 2
	for _, pk := range []packets.Packet{
		hello("d@edge", "id"), subscribe, status, message("sensor/leaf", []byte("1"), 0),
		{FixedHeader: packets.FixedHeader{Type: packets.Pingreq}},
		{FixedHeader: packets.FixedHeader{Type: packets.Disconnect}},
	} {
		all = append(all, encode(t, version, pk)...)
	}
	return all
}

// feed lets a front read bytes and then the end of the connection.
func feed(t testing.TB, f *Front, data []byte) {
	here, there := net.Pipe()
	var work sync.WaitGroup
	work.Go(func() { f.serve(context.Background(), newSession(there)); _ = there.Close() })
	work.Go(func() { _, _ = io.Copy(io.Discard, here) })
	_, _ = here.Write(data)
	_ = here.Close()
	work.Wait()
	if n := f.mqtt.Clients.Len(); n+len(f.own)+len(f.routes) > 0 {
		t.Errorf("%x: %d clients, %d connections and %d routes are left", data, n, len(f.own), len(f.routes))
	}
}

// TestGoneAtOnce: a client that is gone before its CONNACK leaves nothing behind.
func TestGoneAtOnce(t *testing.T) {
	f, err := New(Setup{}, front.Parts{Engine: blinky.Engine(t)})
	if err != nil {
		t.Fatal(err)
	}
	here, there := net.Pipe()
	go func() {
		_, _ = here.Write(encode(t, 5, hello("d@edge", "")))
		_ = here.Close()
	}()
	f.serve(context.Background(), newSession(there))
	if n := f.mqtt.Clients.Len(); n+len(f.own)+len(f.routes) > 0 {
		t.Errorf("%d clients, %d connections and %d routes are left", n, len(f.own), len(f.routes))
	}
}

// TestKnock: to connect and close is how ports are watched, and nothing to complain of.
func TestKnock(t *testing.T) {
	f, err := New(Setup{}, front.Parts{Engine: blinky.Engine(t)})
	if err != nil {
		t.Fatal(err)
	}
	for said, want := range map[string]uint64{"": 0, "\x10\x7f\x00": 1} {
		before := f.Counts().Rejected(Unreadable)
		feed(t, f, []byte(said))
		if n := f.Counts().Rejected(Unreadable) - before; n != want {
			t.Errorf("%q: %d complaints, want %d", said, n, want)
		}
	}
}

// TestEveryPrefix: a connection may break anywhere, and leaves nothing behind.
func TestEveryPrefix(t *testing.T) {
	f, err := New(Setup{}, front.Parts{Engine: blinky.Engine(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range versions {
		all := dialogue(t, version)
		for n := range len(all) + 1 {
			feed(t, f, all[:n])
		}
	}
}

// FuzzConnection: whatever a client sends, the front ends the connection and keeps
// nothing of it.
func FuzzConnection(f *testing.F) {
	front, err := New(Setup{}, front.Parts{Engine: blinky.Engine(f)})
	if err != nil {
		f.Fatal(err)
	}
	for _, version := range versions {
		f.Add(dialogue(f, version))
	}
	f.Fuzz(func(t *testing.T, data []byte) { feed(t, front, data) })
}

// FuzzTopic: what is accepted is taken apart as it was put together.
func FuzzTopic(f *testing.F) {
	for _, topic := range []string{"dfu", "sensor/d", "a/b/c", "command/inbox/d/#", "command/inbox//#"} {
		f.Add(topic)
	}
	f.Fuzz(func(t *testing.T, topic string) {
		if channel, device, err := parseTopic(topic); err == nil && topic != channel && topic != channel+"/"+device {
			t.Errorf("%q: %q %q", topic, channel, device)
		}
		if device, err := parseFilter(topic); err == nil && device != "" && topic != "command/inbox/"+device+"/#" {
			t.Errorf("%q: %q", topic, device)
		}
	})
}

// TestShutdown: the devices are told, and the front returns.
func TestShutdown(t *testing.T) {
	w := &world{log: new(fronttest.Log)}
	f, err := New(Setup{Config: Config{Listen: "127.0.0.1:0"}}, front.Parts{Engine: blinky.Engine(t)})
	if err != nil {
		t.Fatal(err)
	}
	w.Front = f
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.Run(ctx) }()
	c, silent := w.device(t, 5, "d@edge"), w.dial(t, 5)
	w.until(t, 2)
	cancel()
	c.ended(0x8b)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := silent.receive(); err == nil {
		t.Error("a connection without CONNECT is left")
	}
}

// TestBrokenSocket: a front that can accept no more says so.
func TestBrokenSocket(t *testing.T) {
	f, err := New(Setup{Config: Config{Listen: "127.0.0.1:0"}}, front.Parts{Engine: blinky.Engine(t)})
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	if err := f.Run(t.Context()); err == nil {
		t.Error("it ran without a socket")
	}
}

// short is a listener that fails once, as where no file is left.
type short struct {
	net.Listener
	failed bool
}

func (l *short) Accept() (net.Conn, error) {
	if !l.failed {
		l.failed = true
		return nil, syscall.EMFILE
	}
	return l.Listener.Accept()
}

// TestOutOfFiles: a front that is out of files for a moment goes on.
func TestOutOfFiles(t *testing.T) {
	f, err := New(Setup{Config: Config{Listen: "127.0.0.1:0"}}, front.Parts{Engine: blinky.Engine(t)})
	if err != nil {
		t.Fatal(err)
	}
	f.listeners[0] = &short{Listener: f.listeners[0]}
	fronttest.Run(t, f)
	w := &world{Front: f}
	w.device(t, 5, "d@edge").quiet()
}

// TestTLS: the second port, whose certificate is read again on Reload.
func TestTLS(t *testing.T) {
	certificate := linktest.NewCertificate(t, "localhost")
	cfg := Config{TLSListen: "127.0.0.1:0", Certificate: certificate.File, Key: certificate.Key}
	f, err := New(Setup{Config: cfg}, front.Parts{Engine: blinky.Engine(t)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = f.Run(ctx) })
	defer run.Wait()
	defer cancel()
	conn, err := tls.Dial("tcp", f.Addr().String(), &tls.Config{RootCAs: certificate.Pool, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(encode(t, 4, hello("d@edge", ""))); err != nil {
		t.Fatal(err)
	}
	ack := make([]byte, 4)
	if _, err := io.ReadFull(conn, ack); err != nil || ack[3] != 0 {
		t.Errorf("%x, %v", ack, err)
	}
	if err := f.Reload(Setup{}); err != nil {
		t.Error(err)
	}
	f.cfg.Key = filepath.Join(t.TempDir(), "gone")
	if err := f.Reload(Setup{}); err == nil {
		t.Error("a key that is gone is no error")
	}
}
