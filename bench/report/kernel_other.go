//go:build !linux

package report

// kernel is not known here.
func kernel() string { return "" }
