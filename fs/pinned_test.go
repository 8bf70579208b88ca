package fs_test

import (
	"context"
	iofs "io/fs"
	"sync/atomic"
	"testing"

	"github.com/hugelgupf/p9/p9"

	"github.com/ispyd/ispyd/fs"
	"github.com/ispyd/ispyd/nodes"
)

// pin is a variable that can be set to what it is by itself; 0 sets it free.
type pin struct {
	nodes.File
	own, set atomic.Int64
}

func newPin() *pin {
	p := &pin{}
	p.own.Store(4)
	p.File = nodes.Var("level", "a level", func(context.Context) (int64, error) {
		if n := p.set.Load(); n != 0 {
			return n, nil
		}
		return p.own.Load(), nil
	}, func(_ context.Context, n int64) error { p.set.Store(n); return nil })
	return p
}

func (p *pin) Own() nodes.File {
	return nodes.Value("level", "its own", func(context.Context) (int64, error) {
		if p.set.Load() == 0 {
			return 0, nodes.Errorf(iofs.ErrNotExist, "not set")
		}
		return p.own.Load(), nil
	})
}

// What is set is listed, also where it is what the program has by itself, and
// against what the program has now.
func TestPinned(t *testing.T) {
	p := newPin()
	s := start(t, fs.Options{Root: nodes.Directory("", "", p)})
	f := open(t, s.attach(t), "level", p9.WriteOnly)
	for _, step := range []struct {
		write string
		own   int64
		want  string
	}{
		{"4", 0, "level\t4\t4\tUID\tPID\tTIME\t\t\n"},
		{"", 7, "level\t4\t7\tUID\tPID\tTIME\t\t\n"},
		{"9 for=1h", 0, "level\t9\t7\tUID\tPID\tTIME\tTIME\t\n"},
		{"7", 0, "level\t7\t7\tUID\tPID\tTIME\t\t\n"},
		{"0", 0, ""},
		{"", 8, ""},
	} {
		if step.own != 0 {
			p.own.Store(step.own)
		}
		if step.write != "" {
			if err := write(f, step.write); err != nil {
				t.Fatal(err)
			}
		}
		if got := settingsOf(t, s); got != step.want {
			t.Errorf("%+v: settings %q", step, got)
		}
	}
}
