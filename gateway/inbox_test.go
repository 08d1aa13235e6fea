package gateway

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"havn/upstream/drogue"
)

func TestInbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var box inbox
		if _, _, ok := box.take("app", "d"); ok {
			t.Error("an empty inbox has a command")
		}
		box.put(drogue.Command{Application: "app", Device: "d", Name: "old"})
		box.put(drogue.Command{Application: "app", Device: "d", Name: "new", Payload: []byte("x")})
		if name, payload, ok := box.take("app", "d"); !ok || name != "new" || string(payload) != "x" {
			t.Errorf("got %q %q %v", name, payload, ok)
		}
		if _, _, ok := box.take("app", "d"); ok {
			t.Error("handed out twice")
		}
		box.put(drogue.Command{Application: "app", Device: "d", Name: "late"})
		time.Sleep(inboxTime + time.Second)
		if _, _, ok := box.take("app", "d"); ok {
			t.Error("kept for ever")
		}
		for i := range 2 * inboxDevices {
			box.put(drogue.Command{Application: "app", Device: fmt.Sprint(i)})
		}
		if len(box.commands) != inboxDevices {
			t.Errorf("%d commands", len(box.commands))
		}
	})
}
