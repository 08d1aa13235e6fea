//go:build !linux

package load

import (
	"context"
	"net/netip"
)

// Generator needs Linux: see ErrUnsupported.
type Generator struct{}

// New fails with ErrUnsupported.
func New(Config) (*Generator, error) { return nil, ErrUnsupported }

// Run fails with ErrUnsupported.
func (*Generator) Run(context.Context, Window) (Result, error) { return Result{}, ErrUnsupported }

// Close does nothing.
func (*Generator) Close() error { return nil }

// Responder needs Linux: see ErrUnsupported.
type Responder struct{}

// NewResponder fails with ErrUnsupported.
func NewResponder(int) (*Responder, error) { return nil, ErrUnsupported }

// Addr fails with ErrUnsupported.
func (*Responder) Addr() (netip.AddrPort, error) { return netip.AddrPort{}, ErrUnsupported }

// Serve fails with ErrUnsupported.
func (*Responder) Serve(context.Context) error { return ErrUnsupported }

// Pin fails with ErrUnsupported.
func Pin(int) (release func(), err error) { return nil, ErrUnsupported }
