package nodes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// leased is a var of a program, and the server's leases.
type leased struct {
	mu     sync.Mutex
	value  int
	broken error // of set
	file   File
	table  *Leases
	ended  []Lease
}

func newLeased() *leased {
	v := &leased{value: 100}
	v.file = Var("level", "a level", func(context.Context) (int, error) { return v.get(), nil }, func(_ context.Context, n int) error {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.broken != nil {
			return v.broken
		}
		if n < 0 {
			return Errorf(fs.ErrInvalid, "%d is too low", n)
		}
		v.value = n
		return nil
	})
	v.table = NewLeases(func(l Lease) { v.ended = append(v.ended, l) })
	return v
}

func (v *leased) get() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.value
}

func (v *leased) set(n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.value = n
}

func writeTo(t *testing.T, v *leased, text string) error {
	t.Helper()
	ctx := WithPeer(WithLeases(t.Context(), v.table, "log/level"), Peer{UID: 7, PID: 8})
	h, err := v.file.Open(ctx, Write)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	_, err = h.WriteAt(ctx, []byte(text), 0)
	return err
}

// A step is a write, a change by the program itself (set), or the passing of time,
// and then the value and what List tells.
func TestLease(t *testing.T) {
	type step struct {
		write string
		set   int
		pass  time.Duration
		value int
		list  string
	}
	const changed = "log/level 50 own 100 not put back to 100: somebody else has set it to 75 meanwhile"
	for name, steps := range map[string][]step{
		"ends": {
			{write: "50 for=30s", value: 50, list: "log/level 50 own 100 for 30s"},
			{pass: 29 * time.Second, value: 50, list: "log/level 50 own 100 for 30s"},
			{pass: time.Second, value: 100},
		},
		"replaced": {
			{write: "50 for=30s", value: 50, list: "log/level 50 own 100 for 30s"},
			{pass: 20 * time.Second, value: 50, list: "log/level 50 own 100 for 30s"},
			{write: "70 \t for=30s", value: 70, list: "log/level 70 own 100 for 30s"},
			{pass: 20 * time.Second, value: 70, list: "log/level 70 own 100 for 30s"},
			{pass: 10 * time.Second, value: 100},
		},
		"replaced for good": {
			{write: "50 for=30s", value: 50, list: "log/level 50 own 100 for 30s"},
			{write: "60", value: 60},
			{pass: time.Hour, value: 60},
			{write: "70 for=1m", value: 70, list: "log/level 70 own 60 for 1m0s"},
			{pass: time.Minute, value: 60},
		},
		"changed by others": {
			{write: "50 for=30s", value: 50, list: "log/level 50 own 100 for 30s"},
			{set: 75, value: 75, list: "log/level 50 own 100 for 30s"},
			{pass: 30 * time.Second, value: 75, list: changed},
			{write: "60 for=10s", value: 60, list: "log/level 60 own 75 for 10s"},
			{pass: 10 * time.Second, value: 75},
		},
		"changed by others, then leased": {
			{write: "50 for=30s", value: 50, list: "log/level 50 own 100 for 30s"},
			{set: 75, value: 75, list: "log/level 50 own 100 for 30s"},
			{write: "60 for=10s", value: 60, list: "log/level 60 own 75 for 10s"},
			{pass: time.Hour, value: 75},
		},
		"a write that fails leaves the lease": {
			{write: "50 for=30s", value: 50, list: "log/level 50 own 100 for 30s"},
			{write: "!-1", value: 50, list: "log/level 50 own 100 for 30s"},
			{write: "!-1 for=1h", value: 50, list: "log/level 50 own 100 for 30s"},
			{pass: 30 * time.Second, value: 100},
		},
		"lines": {
			{write: "50 for=30s\n60 for=40s\n", value: 60, list: "log/level 60 own 100 for 40s"},
			{pass: time.Minute, value: 100},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newLeased()
				for i, s := range steps {
					switch {
					case strings.HasPrefix(s.write, "!"):
						if err := writeTo(t, v, s.write[1:]); err == nil {
							t.Errorf("%s is taken", s.write[1:])
						}
					case s.write != "":
						if err := writeTo(t, v, s.write); err != nil {
							t.Fatal(err)
						}
					case s.set != 0:
						v.set(s.set)
					}
					time.Sleep(s.pass)
					synctest.Wait()
					if got := v.get(); got != s.value {
						t.Errorf("step %d: value %d, want %d", i, got, s.value)
					}
					if got := listed(v.table); got != s.list {
						t.Errorf("step %d: list %q, want %q", i, got, s.list)
					}
				}
				if err := v.table.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func listed(t *Leases) string {
	var lines []string
	for _, l := range t.List() {
		line := fmt.Sprintf("%s %s own %s", l.Setting, l.Value, l.Own)
		if l.Note != "" {
			line += " " + l.Note
		} else if !l.Until.IsZero() {
			line += " for " + l.Until.Sub(l.Since).String()
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestLeaseBadDurations(t *testing.T) {
	v := newLeased()
	for text, want := range map[string]string{
		"50 for=abc":        `level: for=abc: "abc" is not a duration such as 30s or 5m`,
		"50 for=":           `level: for=: "" is not a duration such as 30s or 5m`,
		"50 for=-1s":        "level: for=-1s: must be more than 0 and at most 24h0m0s",
		"50 for=0s":         "level: for=0s: must be more than 0 and at most 24h0m0s",
		"50 for=99999h":     "level: for=99999h: must be more than 0 and at most 24h0m0s",
		"50 for=9999999h":   `level: for=9999999h: "9999999h" is not a duration such as 30s or 5m`,
		"for=30s":           "level: the value is missing before for=30s",
		"50 for=1s for=30s": `level: "50 for=1s" is not a whole number`,
		"50 for=30s 60":     `level: "50 for=30s 60" is not a whole number`,
	} {
		err := writeTo(t, v, text)
		if err == nil || err.Error() != want || !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
	if v.get() != 100 || len(v.table.List()) > 0 {
		t.Errorf("value %d, list %v", v.get(), v.table.List())
	}
	for _, args := range [][]string{{"7", "for=1s", "debug"}, {"for=1s", "for=1s"}, {"7", "for=x"}} {
		if _, _, err := CutFor(args); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q: %v", args, err)
		}
	}
	rest, d, err := CutFor([]string{"7", "debug", "for=90s"})
	if err != nil || d != 90*time.Second || !slices.Equal(rest, []string{"7", "debug"}) {
		t.Error(rest, d, err)
	}
}

// Close puts the values back at once, and nothing can be leased after it.
func TestLeasesClose(t *testing.T) {
	v := newLeased()
	if err := writeTo(t, v, "50 for=1h"); err != nil {
		t.Fatal(err)
	}
	if err := v.table.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v.get() != 100 || len(v.table.List()) > 0 {
		t.Errorf("value %d, list %v", v.get(), v.table.List())
	}
	if len(v.ended) != 1 || v.ended[0].Note != "" || v.ended[0].Peer != (Peer{UID: 7, PID: 8}) {
		t.Errorf("ended: %+v", v.ended)
	}
	if err := writeTo(t, v, "60 for=1h"); !errors.Is(err, ErrBusy) || v.get() != 100 {
		t.Errorf("after Close: %v, value %d", err, v.get())
	}
	if err := writeTo(t, v, "60"); err != nil || v.get() != 60 {
		t.Errorf("after Close: %v, value %d", err, v.get())
	}
	if err := v.table.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// What cannot be put back is told.
func TestLeaseCannotBePutBack(t *testing.T) {
	v := newLeased()
	if err := writeTo(t, v, "50 for=1h"); err != nil {
		t.Fatal(err)
	}
	v.broken = errors.New("the disk is full")
	const want = "log/level: could not be put back to 100: the disk is full"
	if err := v.table.Close(t.Context()); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// Code that hangs holds up Close no longer than its context lasts.
func TestLeasesCloseWhileHanging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, hanging := newLeased(), make(chan bool)
		s := NewSetting("slow")
		now := func(context.Context) (string, error) { return fmt.Sprint(v.get()), nil }
		ctx := WithLeases(t.Context(), v.table, "http/ctl")
		change := func(n int) func(context.Context) error {
			return func(context.Context) error { v.set(n); return nil }
		}
		if err := s.Change(ctx, time.Hour, Change{Now: now, Do: change(50), Hold: func(context.Context) (func(context.Context) error, error) {
			return change(100), nil
		}}); err != nil {
			t.Fatal(err)
		}
		if got := listed(v.table); got != "http/ctl slow 50 own 100 for 1h0m0s" {
			t.Error(got)
		}
		go s.Change(ctx, 0, Change{Now: now, Do: func(context.Context) error { <-hanging; return errors.New("late") }})
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := v.table.Close(short); !errors.Is(err, ErrTimeout) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		close(hanging)
	})
}

// Changes that stay are listed until the setting has its own value again.
func TestSettingWithoutLease(t *testing.T) {
	v := newLeased()
	s := NewSetting("")
	ctx := WithLeases(t.Context(), v.table, "http/ctl")
	for _, n := range []int{50, 60, 100} {
		if err := s.Change(ctx, 0, Change{
			Now: func(context.Context) (string, error) { return fmt.Sprint(v.get()), nil },
			Do:  func(context.Context) error { v.set(n); return nil },
		}); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("http/ctl %d own 100", n)
		if n == 100 {
			want = ""
		}
		if got := listed(v.table); got != want {
			t.Errorf("list %q, want %q", got, want)
		}
	}
}

// HeldVar's hold says how to put it back; it is asked once for a row of leases.
func TestHeldVar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		value, held, back := 1, 0, 0
		v := newLeased()
		v.file = HeldVar("n", "a number", func(context.Context) (int, error) { return value, nil },
			func(_ context.Context, n int) error { value = n; return nil },
			func(context.Context) (func(context.Context) error, error) {
				held++
				return func(context.Context) error { back++; value = 1; return nil }, nil
			})
		for _, text := range []string{"2 for=1m", "3 for=1m"} {
			if err := writeTo(t, v, text); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if value != 1 || held != 1 || back != 1 {
			t.Errorf("value %d, held %d, back %d", value, held, back)
		}
	})
}

// Writers, programs and ends of leases at once: in the end all is as it was.
func TestLeasesAtOnce(t *testing.T) {
	v := newLeased()
	v.table = NewLeases(nil)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				if err := writeTo(t, v, fmt.Sprintf("%d for=%dus", i*100+j, 1+j*3)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := v.table.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if l := v.table.List(); len(l) > 0 || v.get() != 100 {
		t.Errorf("value %d, left: %v", v.get(), l)
	}
}

func TestLeasesAreBounded(t *testing.T) {
	table := NewLeases(nil)
	ctx := context.Background()
	value := "a"
	c := Change{
		Now: func(context.Context) (string, error) { return value, nil },
		Do:  func(context.Context) error { return nil },
		Hold: func(context.Context) (func(context.Context) error, error) {
			return func(context.Context) error { return nil }, nil
		},
	}
	for i := range maxChanges {
		if err := NewSetting("").Change(WithLeases(ctx, table, fmt.Sprint(i)), time.Hour, c); err != nil {
			t.Fatal(err)
		}
	}
	if err := NewSetting("").Change(WithLeases(ctx, table, "x"), time.Hour, c); !errors.Is(err, ErrBusy) {
		t.Errorf("error %v", err)
	}
	if err := table.Close(ctx); err != nil {
		t.Error(err)
	}
}

func FuzzCutFor(f *testing.F) {
	for _, s := range []string{"debug for=5m", "for=5m", "5 for=-1s", "a\tfor=1h ", "for=1s for=1s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		line = strings.TrimSpace(line)
		value, d, err := cutFor(line)
		switch {
		case err != nil && (!errors.Is(err, fs.ErrInvalid) || d != 0):
			t.Errorf("%v, %v", d, err)
		case err == nil && (d < 0 || d > MaxLease || d == 0 && value != line || d > 0 && !strings.HasPrefix(line, value)):
			t.Errorf("%q: %q, %v", line, value, d)
		}
	})
}
