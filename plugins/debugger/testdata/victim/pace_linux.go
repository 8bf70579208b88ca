package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// pace calls order n times, which panics, while another goroutine looks at the clock
// without a break. It returns the longest time, in microseconds, in which that
// goroutine stood still, around one panic: the median, and the longest of all. For
// how long its thread waited for a processor, because the machine has other work, is
// taken off: the kernel tells.
func (s *Shop) pace(n int) string {
	var longest atomic.Int64
	var done atomic.Bool
	var wg sync.WaitGroup
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8)) // no goroutine waits for another's processor
	wg.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		waited := delay()
		for last := time.Now(); !done.Load(); {
			now := time.Now()
			if gap := int64(now.Sub(last)); gap > int64(20*time.Microsecond) {
				d := delay()
				if gap -= d - waited; gap > longest.Load() {
					longest.Store(gap)
				}
				waited, now = d, time.Now()
			}
			last = now
		}
	})
	list := make([]int64, n)
	for i := range list {
		longest.Store(0)
		func() {
			defer func() { _ = recover() }()
			s.order(7, "Ada")
		}()
		time.Sleep(5 * time.Millisecond)
		list[i] = longest.Load() / 1000
	}
	done.Store(true)
	wg.Wait()
	sort.Slice(list, func(i, j int) bool { return list[i] < list[j] })
	return fmt.Sprint(list[n/2], " ", list[n-1])
}

// delay is for how many nanoseconds the calling thread has waited for a processor.
func delay() (n int64) {
	b, err := os.ReadFile("/proc/thread-self/schedstat")
	if err == nil {
		var ran int64
		fmt.Sscan(string(b), &ran, &n)
	}
	return n
}
