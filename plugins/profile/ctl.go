package profile

import (
	"context"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/ispyd/ispyd/internal/nearest"
	"github.com/ispyd/ispyd/nodes"
)

// ctl returns the file ctl.
func (p *plugin) ctl() nodes.File {
	return nodes.Ctl("ctl", "acts on the flight recorder, its triggers and their captures",
		nodes.Verb{Name: "flight", Args: "start|stop|auto|when|never ...",
			Doc: "start [AGE] [BYTES]: record the last moments (" + p.conf.window().String() + "); stop: do not, whatever triggers there are; auto: while there are triggers, as at first; each of these with for=DURATION for a time; when SOURCE over VALUE: keep the moments when that comes true; never [ID]: remove a trigger, or all",
			Run: p.flight},
		nodes.Verb{Name: "clear", Args: "[N]", Doc: "drop the captures, or one", Run: p.clear},
	)
}

// flightVerbs are the words after flight.
var flightVerbs = []string{"start", "stop", "auto", "when", "never"}

func (p *plugin) flight(ctx context.Context, args []string) error {
	verb, args := args[0], args[1:]
	switch verb {
	case "start":
		return p.start(ctx, args)
	case "stop", "auto":
		args, lease, err := nodes.CutFor(args)
		if err != nil {
			return err
		}
		if len(args) > 0 {
			return nodes.Errorf(fs.ErrInvalid, "flight %s takes no arguments but a lease, such as for=5m", verb)
		}
		return p.setting.Change(ctx, lease, p.change(func(ctx context.Context) error {
			if verb == "auto" {
				return p.auto(ctx)
			}
			return p.recorder.stop(ctx, by(ctx))
		}))
	case "when":
		return p.when(ctx, args)
	case "never":
		return p.never(ctx, args)
	}
	return nodes.Errorf(fs.ErrInvalid, "flight %.40q: unknown%s; there are %s", verb, nearest.Hint(verb, flightVerbs), strings.Join(flightVerbs, ", "))
}

// start takes an age and a number of bytes, in any order, and a lease.
func (p *plugin) start(ctx context.Context, args []string) error {
	args, lease, err := nodes.CutFor(args)
	if err != nil {
		return err
	}
	w := p.conf.window()
	if len(args) > 2 {
		return nodes.Errorf(fs.ErrInvalid, "flight start takes an age, a number of bytes and a lease, such as 10s 10MiB for=5m")
	}
	for _, a := range args {
		if d, err := time.ParseDuration(a); err == nil {
			w.Age = d
		} else if n, err := strconv.Atoi(a); err == nil && n < minBytes {
			return nodes.Errorf(fs.ErrInvalid, "flight start: %.40s has no unit: an age is written %.40ss, a number of bytes %.40sMiB", a, a, a)
		} else if err := w.Bytes.UnmarshalText([]byte(a)); err != nil {
			return nodes.Errorf(fs.ErrInvalid, "flight start: %.40q is neither an age such as 10s nor a number of bytes such as 10MiB", a)
		}
	}
	if err := w.check(); err != nil {
		return nodes.Errorf(fs.ErrInvalid, "flight start: %v", err)
	}
	return p.setting.Change(ctx, lease, p.change(func(ctx context.Context) error {
		return p.recorder.start(ctx, w, by(ctx))
	}))
}

// change is what the leases of the recorder need.
func (p *plugin) change(do func(context.Context) error) nodes.Change {
	return nodes.Change{
		Now: func(context.Context) (string, error) {
			m, w := p.recorder.setting()
			if m == on {
				return w.String(), nil
			}
			return string(m), nil
		},
		Do: do,
		Hold: func(context.Context) (func(context.Context) error, error) {
			m, w := p.recorder.setting()
			return func(ctx context.Context) error {
				switch m {
				case on:
					return p.recorder.start(ctx, w, "the end of a lease")
				case off:
					return p.recorder.stop(ctx, "the end of a lease")
				}
				return p.auto(ctx)
			}, nil
		},
	}
}

// auto gives the recorder to the triggers. That it cannot be started for them is
// in its status, and no failure of this.
func (p *plugin) auto(ctx context.Context) error {
	err := p.recorder.auto(ctx, p.conf.window(), p.watcher.any)
	if err != nil && ctx.Err() == nil {
		p.noTrace(err)
		err = nil
	}
	return err
}

// arm starts the recorder for the triggers, if there are any and it is theirs.
// Without a recording captures lack the trace, and say so.
func (p *plugin) arm(ctx context.Context) {
	if !p.watcher.any() {
		return
	}
	if err := p.recorder.arm(ctx, p.conf.window()); err != nil {
		p.noTrace(err)
	}
}

func (p *plugin) noTrace(err error) {
	p.logger.Warn("ispyd: triggers are armed, but captures will have no trace", "error", err)
}

// when arms a trigger, and the recorder where nobody has stopped it.
func (p *plugin) when(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return nodes.Errorf(fs.ErrInvalid, "flight when: an expression is missing, such as goroutines over 10000; profile/triggers shows the triggers that there are, profile/sources what they can watch")
	}
	if _, err := p.watcher.add(strings.Join(args, " "), by(ctx), false); err != nil {
		return err
	}
	p.arm(ctx)
	return nil
}

func (p *plugin) never(ctx context.Context, args []string) error {
	id := 0
	if len(args) > 0 {
		var err error
		if id, err = strconv.Atoi(args[0]); err != nil || id <= 0 || len(args) > 1 {
			return nodes.Errorf(fs.ErrInvalid, "flight never takes the number of one trigger, as profile/triggers shows it, or nothing for all of them")
		}
	}
	left, err := p.watcher.remove(id)
	if err != nil || left > 0 {
		return err
	}
	return p.recorder.disarm(ctx, p.watcher.any)
}

func (p *plugin) clear(_ context.Context, args []string) error {
	n := 0
	if len(args) > 0 {
		if n = number(args[0]); n == 0 {
			return nodes.Errorf(fs.ErrInvalid, "clear: %.40q is not the number of a capture", args[0])
		}
	}
	return p.store.clear(n)
}

// by says who writes.
func by(ctx context.Context) string {
	if who := peerText(nodes.PeerFrom(ctx)); who != "" {
		return who
	}
	return "a writer of profile/ctl"
}
