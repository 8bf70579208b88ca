package process

import (
	"context"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/ispyd/ispyd/internal/report"
	"github.com/ispyd/ispyd/nodes"
)

// clockBoottime counts from the start of the machine and through its sleep, as
// the start times of /proc do.
const clockBoottime = 7

// age returns how long ago the process started.
func (s system) age() (report.Seconds, error) {
	b, err := s.read("/proc/self/stat")
	if err != nil {
		return 0, err
	}
	stat, ok := parseStat(b)
	if !ok {
		return 0, malformed("/proc/self/stat")
	}
	var ts syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockBoottime, uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		return 0, nodes.Errorf(nodes.ErrNotSupported, "the clock CLOCK_BOOTTIME cannot be read: %v", errno)
	}
	return max(0, report.Seconds(float64(ts.Sec)+float64(ts.Nsec)/1e9)-stat.start), nil
}

// startTimes returns the files start and uptime.
func (s system) startTimes() []nodes.Node {
	// The start is computed once: from look to look it would move with every
	// correction of the wall clock.
	var (
		mu    sync.Mutex
		start time.Time
	)
	return []nodes.Node{
		nodes.Value("start", "time when the process started, to 10 ms, by the wall clock of the first look (starttime of /proc/self/stat, CLOCK_BOOTTIME)", func(context.Context) (time.Time, error) {
			mu.Lock()
			defer mu.Unlock()
			if start.IsZero() {
				age, err := s.age()
				if err != nil {
					return time.Time{}, err
				}
				start = time.Now().Add(-age.Duration()).Round(10 * time.Millisecond)
			}
			return start, nil
		}),
		nodes.Value("uptime", "time since the process started, the machine's sleep included; in JSON seconds (starttime of /proc/self/stat, CLOCK_BOOTTIME)", func(context.Context) (report.Seconds, error) {
			return s.age()
		}),
	}
}
