package load

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Pin keeps the calling thread on one CPU until release is called. A negative
// CPU pins nothing. The thread must be locked.
func Pin(cpu int) (release func(), err error) {
	if cpu < 0 {
		return func() {}, nil
	}
	var old, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &old); err != nil {
		return nil, fmt.Errorf("CPUs of this thread: %w", err)
	}
	one.Set(cpu)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return nil, fmt.Errorf("move this thread to CPU %d: %w", cpu, err)
	}
	return func() { _ = unix.SchedSetaffinity(0, &old) }, nil
}
