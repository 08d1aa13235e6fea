package mqtt

import (
	"errors"
	"testing"

	"havn/identity/identitytest"
)

// TestShapes: MQTT has no query, so the user or the client identifier names both
// the device and the application.
func TestShapes(t *testing.T) {
	for _, s := range identitytest.Shapes {
		if s.Query != "" {
			continue
		}
		for user, clientID := range map[string]string{s.User: "any", "user": s.User} {
			dev, err := identify(user, clientID)
			if s.Err != nil || s.Application == "" {
				if !errors.Is(err, errIdentity) {
					t.Errorf("%s: %v, %v", s.Name, dev, err)
				}
				continue
			}
			if err != nil || dev.Application != s.Application || dev.Name != s.Device {
				t.Errorf("%s: %v, %v, want %s@%s", s.Name, dev, err, s.Device, s.Application)
			}
		}
	}
}
