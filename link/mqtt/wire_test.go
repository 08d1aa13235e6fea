package mqtt

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/eclipse/paho.golang/packets"
)

func publishPacket(payload string) *packets.ControlPacket {
	p := packets.NewControlPacket(packets.PUBLISH)
	p.Content = &packets.Publish{
		Topic: "c", Payload: []byte(payload), Properties: &packets.Properties{}}
	return p
}

func TestOnePacketIsOneWrite(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	w := newWire(client)
	for payload, want := range map[string]string{
		"hello": "\x30\x09\x00\x01c\x00hello", "": "\x30\x04\x00\x01c\x00",
	} {
		done := make(chan error, 1)
		go func() {
			_, err := publishPacket(payload).WriteTo(w)
			done <- err
		}()
		buf := make([]byte, 100)
		n, err := server.Read(buf)
		if err := errors.Join(err, <-done); err != nil || string(buf[:n]) != want {
			t.Errorf("first write is %q, %v", buf[:n], err)
		}
	}
}

// TestHalfWritten: what did not get out as a whole is an error of its writer,
// and nothing follows it.
func TestHalfWritten(t *testing.T) {
	client, server := net.Pipe()
	w := newWire(client)
	var got bytes.Buffer
	go func() {
		io.CopyN(&got, server, 5)
		server.Close()
	}()
	for range 2 {
		if _, err := publishPacket("hello").WriteTo(w); err == nil {
			t.Error("no error")
		}
	}
	if got.String() != "\x30\x09\x00\x01c" {
		t.Errorf("written: %q", &got)
	}
}
