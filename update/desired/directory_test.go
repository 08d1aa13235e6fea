package desired_test

import (
	"errors"
	"testing"

	"havn/dfu"
	"havn/firmware"
	"havn/firmware/firmwaretest"
	"havn/update/desired"
)

func container(image string) firmware.Spec {
	return firmwaretest.Spec(image)
}

// registry is a firmware.Directory of one application.
type registry map[dfu.Device]error

func (r registry) Desired(d dfu.Device) (firmware.Spec, error) {
	err, known := r[d]
	if !known {
		return firmware.Spec{}, firmware.ErrNotFound
	}
	return container("cloud"), err
}

func TestPrecedence(t *testing.T) {
	d := desired.New([]desired.Rule{
		{Application: "app", Device: "wild-*", Spec: container("wild")},
		{Application: "app", Device: "exact", Spec: container("exact")},
		{Spec: container("any")},
	}, registry{
		{Application: "app", Name: "exact"}:   nil,
		{Application: "app", Name: "wild-1"}:  nil,
		{Application: "app", Name: "broken"}:  firmware.ErrInvalid,
		{Application: "app", Name: "unasked"}: firmware.ErrPending,
	})
	tests := []struct {
		device, want string
		err          error
	}{
		{"exact", "exact", nil}, // a local rule for the device, before the cloud
		{"wild-1", "cloud", nil},
		{"wild-2", "wild", nil},
		{"other", "any", nil},
		{"broken", "", firmware.ErrInvalid}, // does not fall back to what it hides
		{"unasked", "", firmware.ErrPending},
	}
	for _, tt := range tests {
		s, err := d.Desired(dfu.Device{Application: "app", Name: tt.device})
		if !errors.Is(err, tt.err) || (err == nil && s.Key() != tt.want) {
			t.Errorf("%s: %s, %v", tt.device, s.Key(), err)
		}
	}
}
