package device

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
)

var get = Request{Code: codes.GET, Path: []string{"a", "b/c"}, Query: []string{"q=1"}}

func ack(m message.Message) message.Message {
	return message.Message{Type: message.Acknowledgement, MessageID: m.MessageID}
}

func answer(m message.Message, kind message.Type, mid int32, payload string) message.Message {
	return message.Message{
		Type: kind, MessageID: mid, Token: m.Token, Code: codes.Content, Payload: []byte(payload),
	}
}

// step is what a server sends back for one message.
type step func(m message.Message) []message.Message

// script serves one step per message received, then nothing.
func script(t *testing.T, times Transmission, steps ...step) (*Client, <-chan message.Message) {
	t.Helper()
	seen := make(chan message.Message, 32)
	address := serve(t, func(m message.Message) []message.Message {
		m.Token, m.Payload = slices.Clone(m.Token), slices.Clone(m.Payload)
		seen <- m
		if len(steps) == 0 {
			return nil
		}
		now := steps[0]
		steps = steps[1:]
		return now(m)
	})
	return dial(t, address, times).Client, seen
}

func nothing(message.Message) []message.Message { return nil }

func piggybacked(m message.Message) []message.Message {
	return []message.Message{answer(m, message.Acknowledgement, m.MessageID, "ok")}
}

func TestDo(t *testing.T) {
	const far = 0x7777 // a message ID of the server's own
	tests := []struct {
		name  string
		steps []step
		stats ClientStats
		sends []message.Type // what the client sends
	}{
		{"piggybacked", []step{piggybacked},
			ClientStats{Sent: 1}, []message.Type{message.Confirmable}},
		{"separate", []step{func(m message.Message) []message.Message {
			return []message.Message{ack(m), answer(m, message.Confirmable, far, "ok")}
		}}, ClientStats{Sent: 1}, []message.Type{message.Confirmable, message.Acknowledgement}},
		{"separate, acknowledgement lost", []step{
			func(m message.Message) []message.Message {
				return []message.Message{answer(m, message.Confirmable, far, "ok")}
			}}, ClientStats{Sent: 1}, []message.Type{message.Confirmable, message.Acknowledgement}},
		{"non-confirmable", []step{func(m message.Message) []message.Message {
			return []message.Message{ack(m), answer(m, message.NonConfirmable, far, "ok")}
		}}, ClientStats{Sent: 1}, []message.Type{message.Confirmable}},
		{"strays first", []step{func(m message.Message) []message.Message {
			other := m
			other.Token = []byte{1}
			return []message.Message{
				answer(other, message.Acknowledgement, m.MessageID, "wrong token"),
				answer(m, message.Acknowledgement, m.MessageID^1, "wrong message ID"),
				answer(other, message.NonConfirmable, far, "wrong token"),
				{Type: message.Reset, MessageID: m.MessageID ^ 1},
				{Type: message.Confirmable, MessageID: far},
				answer(m, message.Acknowledgement, m.MessageID, "ok"),
			}
		}}, ClientStats{Sent: 1, Stray: 5}, []message.Type{message.Confirmable, message.Reset}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, seen := script(t, calm, tt.steps...)
			resp, err := client.Do(context.Background(), get)
			if err != nil || string(resp.Payload) != "ok" {
				t.Fatalf("got %q, %v", resp.Payload, err)
			}
			if got := client.Stats(); got != tt.stats {
				t.Errorf("stats %+v, want %+v", got, tt.stats)
			}
			for i, want := range tt.sends {
				if got := <-seen; got.Type != want {
					t.Errorf("message %d is %v, want %v", i, got.Type, want)
				}
			}
		})
	}
}

func TestDoRetransmits(t *testing.T) {
	client, seen := script(t, fast, nothing, nothing, piggybacked)
	if _, err := client.Do(context.Background(), get); err != nil {
		t.Fatal(err)
	}
	first := <-seen
	for range 2 {
		again := <-seen
		if again.MessageID != first.MessageID || !slices.Equal(again.Token, first.Token) {
			t.Errorf("%v is no retransmission of %v", again, first)
		}
	}
	if s := client.Stats(); s.Sent != 1 || s.Retransmitted < 2 {
		t.Errorf("stats %+v", s)
	}
}

func TestRequestOnTheWire(t *testing.T) {
	client, seen := script(t, calm, piggybacked, piggybacked)
	for range 2 {
		if _, err := client.Do(context.Background(), get); err != nil {
			t.Fatal(err)
		}
	}
	first, second := <-seen, <-seen
	path, _ := first.Options.GetBytess(message.URIPath, make([][]byte, 4))
	if first.Code != codes.GET || path != 2 || len(first.Token) != 4 {
		t.Errorf("sent %v", first)
	}
	if slices.Equal(first.Token, second.Token) || first.MessageID == second.MessageID {
		t.Error("two requests share a token or a message ID")
	}
}

func TestSeparateResponseAgain(t *testing.T) {
	separate := func(m message.Message) []message.Message {
		late := answer(m, message.Confirmable, 77, "ok")
		return []message.Message{late, late}
	}
	client, seen := script(t, calm, separate, nothing, piggybacked)
	for range 2 {
		if _, err := client.Do(context.Background(), get); err != nil {
			t.Fatal(err)
		}
	}
	want := []message.Type{message.Confirmable, message.Acknowledgement,
		message.Confirmable, message.Acknowledgement}
	for i, kind := range want {
		if got := <-seen; got.Type != kind {
			t.Errorf("message %d is %v, want %v", i, got.Type, kind)
		}
	}
}

func TestDoFails(t *testing.T) {
	tests := []struct {
		name  string
		step  step
		want  error
		times Transmission
	}{
		{"reset", func(m message.Message) []message.Message {
			return []message.Message{{Type: message.Reset, MessageID: m.MessageID}}
		}, ErrReset, calm},
		{"critical option", func(m message.Message) []message.Message {
			bad := answer(m, message.Acknowledgement, m.MessageID, "")
			bad.Options = sorted(message.Option{ID: 4211, Value: []byte{1}})
			return []message.Message{bad}
		}, ErrBadOption, calm},
		{"silence", nothing, ErrTimeout, Transmission{AckTimeout: time.Millisecond, MaxRetransmit: 2}},
		{"only acknowledged", func(m message.Message) []message.Message {
			return []message.Message{ack(m)}
		}, ErrTimeout, Transmission{AckTimeout: 20 * time.Millisecond, MaxRetransmit: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, _ := script(t, tt.times, tt.step)
			if _, err := client.Do(context.Background(), get); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestDoEndsWithContext(t *testing.T) {
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	client, seen := script(t, Transmission{AckTimeout: time.Hour}, nothing)
	go func() { <-seen; cancel(reason) }()
	if _, err := client.Do(ctx, get); !errors.Is(err, reason) {
		t.Errorf("got %v, want %v", err, reason)
	}
	if _, err := client.Do(ctx, get); !errors.Is(err, reason) {
		t.Errorf("the next one: got %v, want %v", err, reason)
	}
}

func TestDoSurvivesAGatewayThatIsDown(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conn.Close() // its port refuses from now on
	hasty := Transmission{AckTimeout: time.Millisecond, MaxRetransmit: 2}
	client, err := Dial(conn.LocalAddr().String(), hasty)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Do(context.Background(), get); !errors.Is(err, ErrTimeout) {
		t.Errorf("got %v, want %v", err, ErrTimeout)
	}
}

// deaf is a connection that takes everything and never answers.
type deaf struct{ net.Conn }

func (deaf) Write(b []byte) (int, error) { return len(b), nil }
func (deaf) RemoteAddr() net.Addr        { return &net.UDPAddr{} }

func TestEveryPrefixOfAResponseFails(t *testing.T) {
	x := &exchange{mid: 1, token: [4]byte{1, 2, 3, 4}}
	full := encode(t, message.Message{
		Type: message.Acknowledgement, MessageID: 1, Token: x.token[:], Code: codes.Content,
	})
	client := NewClient(deaf{}, fast)
	for n := range full {
		if _, done, _ := client.receive(x, full[:n]); done {
			t.Errorf("%x was taken for the response", full[:n])
		}
	}
	if _, done, err := client.receive(x, full); !done || err != nil {
		t.Errorf("the whole: %v, %v", done, err)
	}
}

func FuzzReceive(f *testing.F) {
	x := exchange{mid: 1, token: [4]byte{1, 2, 3, 4}}
	f.Add([]byte{0x60, 0, 0, 1})
	f.Add([]byte{0x64, 0x45, 0, 1, 1, 2, 3, 4, 0xff, 1})
	f.Add([]byte{0x44, 0x45, 9, 9, 1, 2, 3, 4, 0xd1, 10, 0x0e, 0xff, 1})
	client := NewClient(deaf{}, fast)
	f.Fuzz(func(t *testing.T, datagram []byte) {
		y := x
		resp, done, err := client.receive(&y, datagram)
		if done && (err != nil || resp.Code>>5 < 2 || resp.Size != len(datagram)) {
			t.Errorf("%x: %+v, %v", datagram, resp, err)
		}
	})
}
