package debugger

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadCPU returns the calling thread and its CPU time. A goroutine may be on another
// one the next time.
func threadCPU() (thread int, used time.Duration) {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) != nil {
		return 0, 0
	}
	return unix.Gettid(), time.Duration(ts.Nano())
}
