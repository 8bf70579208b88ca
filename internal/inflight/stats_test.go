package inflight

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestBuckets(t *testing.T) {
	for b := range buckets - 1 {
		if bucketOf(lower(b)) != b || bucketOf(lower(b+1)-1) != b {
			t.Errorf("bucket %d begins at %v", b, lower(b))
		}
	}
	if bucketOf(-1) != 0 || bucketOf(1<<62) != buckets-1 {
		t.Error("ends")
	}
}

// TestQuantiles compares with the exact ones.
func TestQuantiles(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, draw := range []func() time.Duration{
		func() time.Duration { return time.Duration(rnd.IntN(int(time.Second))) },
		func() time.Duration { return time.Duration(rnd.ExpFloat64() * float64(time.Millisecond)) },
		func() time.Duration { return 10*time.Microsecond + time.Duration(rnd.IntN(10)) },
		func() time.Duration { return time.Hour },
	} {
		var s series
		now := began.Add(time.Hour)
		var all []time.Duration
		for range 10_000 {
			d := draw()
			all = append(all, d)
			s.add(d, false, now)
		}
		slices.Sort(all)
		counts, minute, _, _ := s.sum(now)
		for _, q := range []float64{.5, .9, .99, 1} {
			exact := all[int(q*float64(len(all)-1))]
			for _, c := range []interface{ quantile(float64) time.Duration }{&counts, &minute} {
				if got := c.quantile(q); got < exact*89/100 || got > exact*111/100 {
					t.Errorf("q%v is %v, not %v", q, got, exact)
				}
			}
		}
	}
	var none series
	c, _, _, _ := none.sum(began)
	if c.quantile(.5) != 0 {
		t.Error("a quantile of nothing")
	}
}

func TestLastMinute(t *testing.T) {
	var s series
	at := func(sec int) time.Time { return began.Add(time.Duration(sec) * time.Second) }
	s.add(time.Second, true, at(0))
	s.add(2*time.Second, false, at(30))
	for _, tt := range []struct {
		sec           int
		total, errors uint64
		longest       time.Duration
	}{
		{30, 2, 1, 2 * time.Second}, {59, 2, 1, 2 * time.Second}, {70, 1, 0, 2 * time.Second}, {99, 1, 0, 2 * time.Second}, {100, 0, 0, 0}, {1000, 0, 0, 0},
	} {
		all, minute, errors, minuteErrors := s.sum(at(tt.sec))
		if all.total != 2 || errors != 1 || minute.total != tt.total || minuteErrors != tt.errors || minute.longest != tt.longest {
			t.Errorf("after %d s: %d, %d, %v", tt.sec, minute.total, minuteErrors, minute.longest)
		}
	}
	s.add(3*time.Second, false, at(1000))
	if _, minute, _, _ := s.sum(at(1001)); minute.total != 1 || minute.longest != 3*time.Second {
		t.Errorf("a slot that is used again: %d, %v", minute.total, minute.longest)
	}
}

func TestRoutesAreBounded(t *testing.T) {
	s := NewStats(3, "none", "some")
	for i := range 10 {
		s.Add(fmt.Sprint("/", i), 1, time.Millisecond, false, time.Now())
	}
	in := Flying{}
	in.Add(s.Known("/100"), 0)
	rows := s.Table(in, time.Now())
	var names []string
	var total uint64
	for _, r := range rows {
		if r.Class == "all" {
			names = append(names, r.Name)
			total += r.Count
		}
	}
	if strings.Join(names, " ") != "(other) /0 /1 /2" || total != 10 {
		t.Errorf("%v, %d", names, total)
	}
}

func TestStatsConcurrently(t *testing.T) {
	s := NewStats(10, "a", "b", "c", "d", "e", "f")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 1000 {
				s.Add(fmt.Sprint(i%20), i%6, time.Millisecond, false, time.Now())
				if i%100 == 0 {
					s.Table(Flying{}, time.Now())
				}
			}
		})
	}
	wg.Wait()
	var total uint64
	for _, r := range s.Table(Flying{}, time.Now()) {
		if r.Class == "all" {
			total += r.Count
		}
	}
	if total != 8000 {
		t.Errorf("%d", total)
	}
}
