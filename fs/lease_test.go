package fs_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hugelgupf/p9/linux"
	"github.com/hugelgupf/p9/p9"

	"github.com/ispyd/ispyd/fs"
	"github.com/ispyd/ispyd/nodes"
)

const settingsHead = "setting\tvalue\town\tuid\tpid\tsince\tuntil\tnote\n"

var timestamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT[^\t\n]+`)

// settingsOf returns the rows of settings, with words for times and who we are.
func settingsOf(t *testing.T, s *server) string {
	t.Helper()
	got, ok := strings.CutPrefix(text(t, s.records.Settings()), settingsHead)
	if !ok {
		t.Errorf("no header: %q", got)
	}
	got = strings.ReplaceAll(got, fmt.Sprintf("\t%d\t%d\t", os.Geteuid(), os.Getpid()), "\tUID\tPID\t")
	return timestamp.ReplaceAllString(got, "TIME")
}

// A lease is listed while it lasts, and ends with the server.
func TestLeaseAndClose(t *testing.T) {
	tr := newTree()
	s := start(t, fs.Options{Root: tr.root})
	f := open(t, s.attach(t), "level", p9.WriteOnly)
	for _, bad := range []string{"5 for=abc", "5 for=-1s", "5 for=99999h", "for=1s", "77 for=1s"} {
		if err := write(f, bad); err != linux.EINVAL {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if got := text(t, s.records.Errors()); !strings.Contains(got, "\tlevel: for=99999h: must be more than 0 and at most 24h0m0s\n") {
		t.Errorf("errors:\n%s", got)
	}
	for _, step := range []struct{ write, want string }{
		{"5 for=1h", "level\t5\t3\tUID\tPID\tTIME\tTIME\t\n"},
		{"6 for=2h", "level\t6\t3\tUID\tPID\tTIME\tTIME\t\n"},
		{"7", "level\t7\t3\tUID\tPID\tTIME\t\t\n"},
		{"8 for=1h", "level\t8\t3\tUID\tPID\tTIME\tTIME\t\n"},
	} {
		if err := write(f, step.write); err != nil {
			t.Fatal(err)
		}
		if got := settingsOf(t, s); got != step.want {
			t.Errorf("%s: settings %q, want %q", step.write, got, step.want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if v, _ := tr.get(t.Context()); v != 7 {
		t.Errorf("after Close %d", v)
	}
	if got := text(t, s.records.Audit()); !strings.HasSuffix(got, fmt.Sprintf("\tlease\tlevel\tok\t%d\t%d\tback to 7\n", os.Geteuid(), os.Getpid())) {
		t.Errorf("audit:\n%s", got)
	}
	s.log.wait(t, `op=lease path=level result=ok`)
}

// A lease that is up puts the value back, also what settings takes to be the
// program's own; one whose value somebody else has changed leaves a note.
func TestLeaseEnds(t *testing.T) {
	tr := newTree()
	s := start(t, fs.Options{Root: tr.root})
	f := open(t, s.attach(t), "level", p9.WriteOnly)
	ended := func(n int) {
		t.Helper()
		wait(t, "end of the lease", func() bool { return strings.Count(text(t, s.records.Audit()), "\tlease\tlevel\t") == n })
	}
	if err := write(f, "5 for=1ms"); err != nil {
		t.Fatal(err)
	}
	ended(1)
	if v, _ := tr.get(t.Context()); v != 3 {
		t.Errorf("after the lease %d", v)
	}
	if got := settingsOf(t, s); got != "" {
		t.Errorf("settings %q", got)
	}
	// The program may come too late to change the value: then there is no note.
	for i, d := 2, 10*time.Millisecond; !strings.Contains(text(t, s.records.Audit()), "\tEBUSY\t"); i, d = i+1, 2*d {
		tr.set(t.Context(), 4)
		if err := write(f, "5 for="+d.String()); err != nil {
			t.Fatal(err)
		}
		tr.set(t.Context(), 9)
		ended(i)
	}
	const note = "not put back to 4: somebody else has set it to 9 meanwhile"
	if got := settingsOf(t, s); got != "level\t9\t4\tUID\tPID\tTIME\t\t"+note+"\n" {
		t.Errorf("settings %q", got)
	}
	if got := text(t, s.records.Audit()); !strings.Contains(got, "\tlease\tlevel\tEBUSY\t") || !strings.HasSuffix(got, "\t"+note+"\n") {
		t.Errorf("audit:\n%s", got)
	}
	if err := write(f, "4"); err != nil {
		t.Fatal(err)
	}
	if got := settingsOf(t, s); got != "" {
		t.Errorf("settings %q", got)
	}
}

// What the verbs of a ctl change is listed, too, under its path and name.
func TestSettingOfCtl(t *testing.T) {
	slow := nodes.NewSetting("slow")
	var value atomic.Value
	value.Store("1s")
	ctl := nodes.Ctl("ctl", "acts", nodes.Verb{Name: "slow", Args: "threshold [for=DURATION]", Doc: "sets it", Run: func(ctx context.Context, args []string) error {
		args, lease, err := nodes.CutFor(args)
		if err != nil {
			return err
		}
		set := func(v string) func(context.Context) error {
			return func(context.Context) error { value.Store(v); return nil }
		}
		return slow.Change(ctx, lease, nodes.Change{
			Now: func(context.Context) (string, error) { return value.Load().(string), nil },
			Do:  set(args[0]),
			Hold: func(context.Context) (func(context.Context) error, error) {
				return set(value.Load().(string)), nil
			},
		})
	}})
	s := start(t, fs.Options{Root: nodes.Directory("", "", nodes.Directory("http", "requests", ctl))})
	f := open(t, s.attach(t), "http/ctl", p9.WriteOnly)
	for _, step := range []struct{ write, want string }{
		{"slow 2s", "http/ctl slow\t2s\t1s\tUID\tPID\tTIME\t\t\n"},
		{"slow 3s for=1h", "http/ctl slow\t3s\t1s\tUID\tPID\tTIME\tTIME\t\n"},
		{"slow 5s", "http/ctl slow\t5s\t1s\tUID\tPID\tTIME\t\t\n"},
		{"slow 2s", "http/ctl slow\t2s\t1s\tUID\tPID\tTIME\t\t\n"},
		{"slow 4s for=1h", "http/ctl slow\t4s\t1s\tUID\tPID\tTIME\tTIME\t\n"},
	} {
		if err := write(f, step.write); err != nil {
			t.Fatal(err)
		}
		if got := settingsOf(t, s); got != step.want {
			t.Errorf("%s: settings %q, want %q", step.write, got, step.want)
		}
	}
	if err := write(f, "slow 6s for=1ms"); err != nil {
		t.Fatal(err)
	}
	wait(t, "end of the lease", func() bool { return strings.HasSuffix(text(t, s.records.Audit()), "\tback to 2s\n") })
	if got, want := settingsOf(t, s), "http/ctl slow\t2s\t1s\tUID\tPID\tTIME\t\t\n"; got != want {
		t.Errorf("after the lease: settings %q, want %q", got, want)
	}
	if err := write(f, "slow 7s for=1h"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil || value.Load() != "2s" {
		t.Errorf("after Close %s, %v", value.Load(), err)
	}
}

// Many short leases, each in place of the one before or after its end.
func TestManyLeases(t *testing.T) {
	s := start(t, fs.Options{})
	f := open(t, s.attach(t), "level", p9.WriteOnly)
	for i := range 50 {
		if err := write(f, fmt.Sprintf("%d for=1ms", 4+i%5)); err != nil {
			t.Fatal(err)
		}
	}
	wait(t, "end of the leases", func() bool { return cat(t, s.attach(t), "level") == "3\n" && settingsOf(t, s) == "" })
}
