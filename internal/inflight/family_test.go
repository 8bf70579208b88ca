package inflight

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

type job struct {
	id    uint64
	start time.Time
	took  time.Duration
}

// jobs returns a family, its directory, and what has been cancelled.
func jobs(t *testing.T) (*Family[job], nodes.Dir, map[uint64]bool) {
	cancelled := map[uint64]bool{}
	f := &Family[job]{
		Kind: t.Name(), Noun: "job", Dir: "jobs", Stats: NewStats(10, "all"), SlowDoc: "how long is slow",
		Entry: func(j *job) (uint64, time.Time, time.Duration) { return j.id, j.start, j.took },
		Cancel: func(r *request.Request) (bool, error) {
			first := !cancelled[r.ID()]
			cancelled[r.ID()] = true
			return first, nil
		},
	}
	f.Configure(time.Second, 3, 3, 10)
	return f, nodes.Directory("test", "test", f.Ctl("acts"), f.Files("one job", func(_ uint64, name string) nodes.Node {
		return nodes.Static(name, "one job", nil)
	})), cancelled
}

func TestFamilyCancel(t *testing.T) {
	f, dir, cancelled := jobs(t)
	var ids []uint64
	for range 7 {
		r := request.New(f.Kind)
		defer r.Done()
		ids = append(ids, r.ID())
	}
	other := request.New("other")
	defer other.Done()
	f.Keep(&job{id: 1 << 40, start: time.Now()}, 0, true)
	for _, c := range []struct {
		command string
		err     error
		text    string
	}{
		{fmt.Sprint("cancel ", ids[0]), nil, ""},
		{fmt.Sprint("cancel ", ids[0]), nodes.ErrBusy, fmt.Sprintf("job %d is cancelled already, and its code has not returned", ids[0])},
		{fmt.Sprint("cancel ", ids[1], " ", ids[2]), nil, ""},
		{fmt.Sprint("cancel ", ids[0], " ", ids[3], " x"), nodes.ErrBusy, `already`},
		{fmt.Sprint("cancel x ", ids[4], " y"), fs.ErrInvalid, `"x" is no id of a job: a number, as active shows them; "y" is`},
		{"cancel", fs.ErrInvalid, "the form is: cancel <jobs>..."},
		{"cancel 1099511627776", fs.ErrNotExist, "ago; see recent"},
		{"cancel 1099511627777", fs.ErrNotExist, fmt.Sprintf("no such job: 1099511627777; it may have ended: see recent; in flight: %d, %d, ", ids[0], ids[1])},
		{"cancel 1099511627777", fs.ErrNotExist, "and 2 more"},
		{fmt.Sprint("cancel ", other.ID()), fs.ErrInvalid, "not one of these jobs, but of other"},
	} {
		err := plugintest.Write(t, dir, "ctl", c.command)
		if !errors.Is(err, c.err) || err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", c.command, err)
		}
	}
	for i, id := range ids {
		if cancelled[id] != (i < 5) {
			t.Errorf("job %d of 7: cancelled %v", i+1, cancelled[id])
		}
	}
}

// The threshold is a setting like any other: it can be leased, and is listed where it
// is not the program's own.
func TestFamilySlow(t *testing.T) {
	f, dir, _ := jobs(t)
	leases := nodes.NewLeases(nil)
	ctx := nodes.WithLeases(t.Context(), leases, "test/ctl")
	for _, c := range []struct{ command, now, listed string }{
		{"slow 250ms", "250ms", "test/ctl slow 250ms own 1s false"},
		{"slow 5s for=1h", "5s", "test/ctl slow 5s own 1s true"},
		{"slow 1s", "1s", ""},
		{"slow 2s for=1h", "2s", "test/ctl slow 2s own 1s true"},
	} {
		if err := plugintest.WriteIn(ctx, t, dir, "ctl", c.command); err != nil {
			t.Errorf("%s: %v", c.command, err)
		}
		if got := plugintest.Read(t, dir, "ctl"); !strings.Contains(got, "\nslow\tduration [for=DURATION]\thow long is slow; now "+c.now+"\n") {
			t.Errorf("%s: ctl reads\n%s", c.command, got)
		}
		listed := ""
		for _, l := range leases.List() {
			listed += fmt.Sprint(l.Setting, " ", l.Value, " own ", l.Own, " ", !l.Until.IsZero())
		}
		if listed != c.listed {
			t.Errorf("%s: listed %q, want %q", c.command, listed, c.listed)
		}
	}
	if err := leases.Close(t.Context()); err != nil || f.Slow() != time.Second {
		t.Errorf("after the leases: %s, %v", f.Slow(), err)
	}
	for _, command := range []string{"slow", "slow 0s", "slow -1s", "slow 5", "slow for=5s", "slow 1s for=0s", "slow 1s 2s", "slow for=1s 2s"} {
		if err := plugintest.Write(t, dir, "ctl", command); !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), "slow") && !strings.Contains(err.Error(), "for=") {
			t.Errorf("%s: %v", command, err)
		}
	}
}
