package returns

import (
	"sync"
	"time"
)

// clock converts the processor's time-stamp counter, which is all that a stub can
// read, by comparison with the monotonic clock.
type clock struct {
	mu    sync.Mutex
	from  time.Time
	tsc   uint64
	perNS float64
}

const (
	minMeasured = 2 * time.Millisecond
	maxMeasured = time.Minute // then anew: virtual machines move
)

func newClock() *clock { return &clock{from: time.Now(), tsc: readTSC()} }

// rate is ticks per nanosecond.
func (c *clock) rate() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := time.Since(c.from)
	if d < minMeasured && c.perNS == 0 {
		time.Sleep(minMeasured - d)
		d = time.Since(c.from)
	}
	if d >= minMeasured {
		now := readTSC()
		d = time.Since(c.from)
		if r := float64(now-c.tsc) / float64(d); r > 0.01 && r < 100 {
			c.perNS = r
		}
		if d > maxMeasured {
			c.from, c.tsc = time.Now(), readTSC()
		}
	}
	if c.perNS == 0 {
		c.perNS = 1 // the counter stands still: no durations to speak of
	}
	return c.perNS
}

// at is the time at which the counter was tsc.
func (c *clock) at(tsc uint64) time.Time {
	r := c.rate()
	now, t := time.Now(), readTSC()
	return now.Add(-time.Duration(float64(int64(t-tsc)) / r))
}

// between is the time from one reading to a later one.
func (c *clock) between(from, to uint64) time.Duration {
	return max(0, time.Duration(float64(int64(to-from))/c.rate()))
}
