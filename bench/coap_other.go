//go:build !linux

package bench

import (
	"context"

	"havn/bench/load"
)

// Run fails with load.ErrUnsupported.
func (c CoAP) Run(context.Context) (*CoAPReport, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return nil, load.ErrUnsupported
}
