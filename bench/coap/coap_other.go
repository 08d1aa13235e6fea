//go:build !linux

package coap

import (
	"context"

	"havn/bench/load"
)

// Run fails with load.ErrUnsupported.
func (c Benchmark) Run(context.Context) (*Report, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return nil, load.ErrUnsupported
}
