package bench

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"havn/dfu"
)

// ErrUsage: the configuration of a benchmark makes no sense.
var ErrUsage = errors.New("cannot be measured")

// ErrFetches: devices that asked at once caused more than one fetch, or none.
var ErrFetches = errors.New("devices that asked at once did not share one fetch")

// Bounds of every benchmark.
const (
	MaxDuration = 10 * time.Minute // of a measurement
	MaxSize     = 64 << 20         // of a firmware, in bytes
)

// What the simulated devices are told.
const (
	Application = "bench"
	OldVersion  = "0.9.0" // the version that they run
	NewVersion  = "1.0.0" // the version of the firmware that they get
)

// Device returns the name of the i-th device. All names have one length, so
// that all requests have.
func Device(i int) dfu.Device {
	return dfu.Device{Application: Application, Name: fmt.Sprintf("d%07d", i)}
}

// FirstDevice only waits until the gateway has its firmware in memory. It has
// had its update then, so no benchmark measures it.
var FirstDevice = dfu.Device{Application: Application, Name: "first"}

// Firmware returns n bytes without a pattern, the same every time.
func Firmware(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}
