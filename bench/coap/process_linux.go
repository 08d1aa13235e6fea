package coap

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"havn/bench/load"
)

// cpus returns a CPU for the generator and one for the server, negative where
// they must share what there is.
func cpus() (generator, server int) {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil || set.Count() < 2 {
		return -1, -1
	}
	var found []int
	for cpu := 0; len(found) < 2; cpu++ {
		if set.IsSet(cpu) {
			found = append(found, cpu)
		}
	}
	return found[0], found[1]
}

// startOn starts cmd on one CPU: a process inherits those of the thread that
// makes it.
func startOn(cmd *exec.Cmd, cpu int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	release, err := load.Pin(cpu)
	if err != nil {
		return err
	}
	defer release()
	return cmd.Start()
}

// cpuClock is the clock of the CPU time that a process has used, all threads
// and both modes (clock_getcpuclockid: the complement of the PID, and 2 for the
// scheduler's precise count).
type cpuClock int32

func clockOf(pid int) cpuClock { return cpuClock(^pid<<3 | 2) }

func (c cpuClock) read() (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(c), &ts); err != nil {
		return 0, fmt.Errorf("CPU time of the server: %w (does the process run?)", err)
	}
	return time.Duration(ts.Nano()), nil
}

// residentMemory returns the bytes of memory that a process has.
func residentMemory(pid int) (uint64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, fmt.Errorf("memory of the server: %w", err)
	}
	var size, resident uint64
	if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
		return 0, fmt.Errorf("memory of the server: %w", err)
	}
	return resident * uint64(os.Getpagesize()), nil
}
