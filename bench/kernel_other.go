//go:build !linux

package bench

// kernel is not known here.
func kernel() string { return "" }
