package load

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os/exec"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"havn/bench/device"
	"havn/coap/block"
)

// keeper is a server that keeps what is put, one resource, block by block.
type keeper struct {
	body    []byte
	whole   bool
	pending int // how many GETs it answers with 5.03 first
}

func (k *keeper) handle(m message.Message, _ netip.AddrPort) []message.Message {
	r := replyTo(m)
	switch {
	case m.Code == codes.PUT:
		r.Code = k.put(&m)
		raw, _ := m.Options.GetBytes(message.Block1)
		return []message.Message{with(r, message.Block1, raw)}
	case !k.whole:
		r.Code = codes.NotFound
	case k.pending > 0:
		k.pending--
		r.Code = codes.ServiceUnavailable
	default:
		r = blockReply(m, k.body)
	}
	return []message.Message{r}
}

func (k *keeper) put(m *message.Message) codes.Code {
	raw, _ := m.Options.GetBytes(message.Block1)
	v, err := block.Parse(raw)
	if err != nil || int(v.Offset()) != len(k.body) || v.M && len(m.Payload) != v.SZX.Size() {
		return codes.RequestEntityIncomplete
	}
	k.body = append(k.body, m.Payload...)
	if k.whole = !v.M; v.M {
		return codes.Continue
	}
	return codes.Created
}

func dial(t *testing.T, address string) *device.Client {
	t.Helper()
	c, err := device.Dial(address, device.Transmission{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestPutAndFetch(t *testing.T) {
	for _, size := range []int{1, 1023, 1024, 1025, 5000} {
		k := &keeper{pending: 1}
		c := dial(t, serve(t, k.handle).String())
		if _, err := Fetch(t.Context(), c, fw[0], 1024); !errors.Is(err, ErrNotFound) {
			t.Fatalf("Fetch of nothing: %v, want ErrNotFound", err)
		}
		image := body(size)
		if err := Put(t.Context(), c, fw[0], image); err != nil {
			t.Fatal(err)
		}
		for _, blocks := range []int{64, 1024} {
			got, err := Fetch(t.Context(), c, fw[0], blocks)
			if err != nil || !bytes.Equal(got, image) {
				t.Errorf("%d bytes in blocks of %d: got %d bytes, %v", size, blocks, len(got), err)
			}
		}
	}
}

func TestPutSaysWhatTheServerRefused(t *testing.T) {
	c := dial(t, serve(t, func(m message.Message, _ netip.AddrPort) []message.Message {
		r := replyTo(m)
		r.Code, r.Payload = codes.MethodNotAllowed, []byte("read only")
		return []message.Message{r}
	}).String())
	err := Put(t.Context(), c, fw[0], body(10))
	const want = "PUT /fw/bench/d1: block 0: the server answered 4.05 read only"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestParseResource(t *testing.T) {
	for text, want := range map[string]Resource{
		"coap://h/fw":             {Path: []string{"fw"}},
		"coap://h/a/b%20c?x=1&y":  {Path: []string{"a", "b c"}, Query: []string{"x=1", "y"}},
		"coap://h/a?x=%41&bad=%4": {Path: []string{"a"}, Query: []string{"x=A", "bad=%4"}},
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, ParseResource(u)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", text, diff)
		}
	}
}

// TestLibcoap puts a firmware on libcoap's server and gets it back.
func TestLibcoap(t *testing.T) {
	server, err := exec.LookPath("coap-server-notls")
	if err != nil {
		t.Skip("SKIP: coap-server-notls is not installed (Debian package libcoap3-bin)")
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	port := conn.LocalAddr().(*net.UDPAddr).Port
	conn.Close()
	cmd := exec.Command(server, "-A", "127.0.0.1", "-p", fmt.Sprint(port), "-d", "10")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	address := fmt.Sprintf("127.0.0.1:%d", port)
	patient := device.Transmission{AckTimeout: 100 * time.Millisecond, MaxRetransmit: 6}
	c, err := device.Dial(address, patient) // it takes a moment to start
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	image, path := body(10_000), Resource{Path: []string{"fw"}}
	if _, err := Fetch(t.Context(), c, path, 1024); !errors.Is(err, ErrNotFound) {
		t.Fatalf("Fetch of nothing: %v, want ErrNotFound", err)
	}
	if err := Put(t.Context(), c, path, image); err != nil {
		t.Fatal(err)
	}
	got, err := Fetch(t.Context(), c, path, 256)
	if err != nil || !bytes.Equal(got, image) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}
