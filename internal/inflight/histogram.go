package inflight

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram has four buckets for each doubling, from a microsecond to 13 days,
// so that a quantile is within a tenth of the truth.
const (
	unit    = 8 // bits: 256 ns
	buckets = 164
)

// bucketOf returns the bucket of a duration.
func bucketOf(d time.Duration) int {
	u := uint64(max(d, 0)) >> unit
	if u < 4 {
		return int(u)
	}
	l := bits.Len64(u)
	return min((l-2)*4+int(u>>(l-3)&3), buckets-1)
}

// lower returns the least duration of a bucket.
func lower(b int) time.Duration {
	if b < 4 {
		return time.Duration(b) << unit
	}
	return time.Duration(4+b%4) << (b/4 - 1) << unit
}

// counts is what a histogram has counted.
type counts struct {
	n       [buckets]uint64
	total   uint64
	longest time.Duration
}

func (c *counts) add(o *counts) {
	for i, n := range o.n {
		c.n[i] += n
	}
	c.total += o.total
	c.longest = max(c.longest, o.longest)
}

// quantile returns the duration that a share q of all does not exceed.
func (c *counts) quantile(q float64) time.Duration {
	if c.total == 0 {
		return 0
	}
	rank := q * float64(c.total)
	before := 0.0
	for i, n := range c.n {
		if n == 0 {
			continue
		}
		if before+float64(n) >= rank {
			from, to := lower(i), lower(i+1)
			d := from + time.Duration((rank-before)/float64(n)*float64(to-from))
			return min(d, c.longest)
		}
		before += float64(n)
	}
	return c.longest
}

// slots of slotTime each make the last minute, the newest not yet over.
const (
	slots    = 7
	slotTime = 10 * time.Second
)

// series counts the requests of one route and class: all, and those of the last
// minute.
type series struct {
	errors  atomic.Uint64
	longest atomic.Int64
	all     [buckets]atomic.Uint64
	recent  [slots]slot
}

type slot struct {
	epoch   atomic.Int64
	errors  atomic.Uint32
	longest atomic.Int64
	n       [buckets]atomic.Uint32
}

// began is what epochs are counted from.
var began = time.Now()

// epoch numbers the slots, from 1.
func epoch(now time.Time) int64 { return int64(now.Sub(began)/slotTime) + 1 }

func raise(a *atomic.Int64, d time.Duration) {
	for {
		old := a.Load()
		if int64(d) <= old || a.CompareAndSwap(old, int64(d)) {
			return
		}
	}
}

// add counts a request that took d and ended now.
func (s *series) add(d time.Duration, failed bool, now time.Time) {
	b := bucketOf(d)
	s.all[b].Add(1)
	raise(&s.longest, d)
	e := epoch(now)
	r := &s.recent[e%slots]
	// One of those who come to an old slot empties it; the few that count
	// meanwhile may be lost from it.
	if old := r.epoch.Load(); old < e && r.epoch.CompareAndSwap(old, e) {
		r.errors.Store(0)
		r.longest.Store(0)
		for i := range r.n {
			r.n[i].Store(0)
		}
	}
	r.n[b].Add(1)
	raise(&r.longest, d)
	if failed {
		s.errors.Add(1)
		r.errors.Add(1)
	}
}

// sum returns what was counted since the start and in the last minute.
func (s *series) sum(now time.Time) (all, minute counts, errors, minuteErrors uint64) {
	for i := range s.all {
		all.n[i] = s.all[i].Load()
		all.total += all.n[i]
	}
	all.longest, errors = time.Duration(s.longest.Load()), s.errors.Load()
	e := epoch(now)
	for i := range s.recent {
		r := &s.recent[i]
		if old := r.epoch.Load(); old == 0 || old <= e-slots {
			continue
		}
		for j := range r.n {
			n := uint64(r.n[j].Load())
			minute.n[j] += n
			minute.total += n
		}
		minute.longest = max(minute.longest, time.Duration(r.longest.Load()))
		minuteErrors += uint64(r.errors.Load())
	}
	return all, minute, errors, minuteErrors
}
