package debugger

import (
	"context"
	"errors"
	"io/fs"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/ispyd/ispyd/internal/nearest"
	"github.com/ispyd/ispyd/internal/symbols/pclntab"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

const ctlDoc = "puts probes on functions, takes them away, lets go of tracebacks"

// verbs are the commands of the file ctl. They are listed also of the nil plugin.
func (p *plugin) verbs() []nodes.Verb {
	return []nodes.Verb{
		{Name: "insert", Args: "[-error] <functions> [for=DURATION]", Run: p.insert,
			Doc: "keep the tracebacks of panics that pass through the function, or of the errors that it returns; main.* is all functions whose names begin so, pkg:func is pkg.func"},
		{Name: "observe", Args: "<functions> [count=N] [for=DURATION] [if=CONDITIONS]", Run: p.observe,
			Doc: "show arguments, results and duration of N calls (100), for DURATION at most (30s): lines of events, records of observed/; if=slower:100ms,error takes only calls that are as slow, or fail"},
		{Name: "remove", Args: "<functions>", Run: p.remove,
			Doc: "remove the probes on the function"},
		{Name: "discard", Args: "<tracebacks>", Run: p.discard,
			Doc: "let go of the traceback of that number, of all of a function, of the latest, or of all"},
		{Name: "limit", Args: "KEY=VALUE... [for=DURATION]", Run: p.setLimits,
			Doc: "rate: captures of a probe in a second; burst: at once; share: percent of a CPU for a probe; tracebacks, bytes: how much is kept"},
		{Name: "reset", Run: p.reset,
			Doc: "remove all probes, let go of all tracebacks, limits as configured"},
		{Name: "off", Run: p.off,
			Doc: "remove all probes and leave the program's text as it was; tracebacks stay"},
	}
}

// insert takes [-error] FUNC.
func (p *plugin) insert(ctx context.Context, args []string) error {
	args, lease, err := nodes.CutFor(args)
	if err != nil {
		return err
	}
	kind, name, err := insertArgs(args)
	if err != nil {
		return err
	}
	return p.put(ctx, &probe{kind: kind, name: name, by: by(ctx)}, lease, nil)
}

func insertArgs(args []string) (kind, name string, err error) {
	kind = kindPanic
	for _, a := range args {
		switch {
		case a == "-error":
			kind = kindError
		case strings.HasPrefix(a, "-"):
			return "", "", nodes.Errorf(fs.ErrInvalid, "insert %.40q: unknown; there is -error", a)
		case name != "":
			return "", "", nodes.Errorf(fs.ErrInvalid, "insert takes one function, not %.40q and %.40q", name, a)
		default:
			name = a
		}
	}
	if name == "" {
		return "", "", nodes.Errorf(fs.ErrInvalid, "insert: the function is missing, such as main.handler")
	}
	return kind, name, nil
}

// insertConfigured puts in the probes of the configuration. Those on errors need the
// debug information, which the start of the program does not wait for.
func (p *plugin) insertConfigured(c plugins.Config) {
	var later []func()
	for _, words := range p.conf.Insert {
		kind, name, err := insertArgs(strings.Fields(words))
		insert := func() {
			if err == nil {
				err = p.put(context.Background(), &probe{kind: kind, name: name, by: "the configuration", configured: true}, 0, nil)
			}
			if err != nil {
				p.misconfigured(c, nodes.Errorf(err, "debugger.insert %q: %v", words, err))
			}
		}
		if kind == kindError {
			later = append(later, insert)
		} else {
			insert()
		}
	}
	if len(later) == 0 {
		return
	}
	p.idle.Go(func() {
		for _, insert := range later {
			select {
			case <-p.done:
				return
			default:
				insert()
			}
		}
	})
}

// put puts a probe in, for the time of a lease where that is not 0.
func (p *plugin) put(ctx context.Context, pr *probe, lease time.Duration, o *observation) error {
	table, err := p.functions()
	if err != nil {
		return err
	}
	t, err := find(table, pr.name)
	if err != nil {
		return err
	}
	pr.name, pr.since = t.name, time.Now()
	if t.inlined > 0 {
		if pr.kind != kindPanic {
			return nodes.Errorf(nodes.ErrNotSupported, "%s is inlined into all its callers (%d), so that it never returns by itself; put the probe on one of them, or build with -gcflags=-l", t.name, t.inlined)
		}
		pr.note = "inlined everywhere (" + strconv.Itoa(t.inlined) + " functions): panics are found by its name"
	}
	if err := p.taken(pr.key()); err != nil {
		return err
	}
	pr.place = context.WithoutCancel(ctx)
	return p.setting(pr.key()).Change(ctx, lease, nodes.Change{
		Now: func(context.Context) (string, error) { return p.state(pr.key()), nil },
		Do:  func(context.Context) error { return p.add(pr, t, o) },
		Hold: func(context.Context) (func(context.Context) error, error) {
			return func(context.Context) error {
				if err := p.drop(pr, "the end of its time"); err != errGone {
					return err
				}
				return nil
			}, nil
		},
	})
}

// taken is why no probe can be put in under a key: there is one.
func (p *plugin) taken(k probeKey) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.takenLocked(k)
}

func (p *plugin) takenLocked(k probeKey) error {
	switch pr := p.probes[k]; {
	case pr == nil:
		return nil
	case pr.leaving.Load():
		return nodes.Errorf(nodes.ErrBusy, "the probe %s on %s is still there, %s", k.kind, k.name, pendingNote(pr.pending))
	}
	return nodes.Errorf(fs.ErrExist, "there is a probe %s on %s already", k.kind, k.name)
}

// state is the value of a probe's setting.
func (p *plugin) state(k probeKey) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.probes[k] != nil {
		return "in"
	}
	return "out"
}

// maxSettings bounds the settings that are remembered of probes that are gone.
const maxSettings = 1000

func (p *plugin) setting(k probeKey) *nodes.Setting {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.settings[k]
	if s == nil {
		if len(p.settings) >= maxSettings {
			for old := range p.settings {
				if p.probes[old] == nil {
					delete(p.settings, old)
				}
			}
		}
		s = nodes.NewSetting(k.kind + " " + k.name)
		p.settings[k] = s
	}
	return s
}

// maxProbes is how many probes there may be.
const maxProbes = 1000

// add puts the probe in, now.
func (p *plugin) add(pr *probe, t *target, o *observation) (err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return nodes.Errorf(nodes.ErrBusy, "the server is closing")
	case p.probes[pr.key()] != nil:
		return p.takenLocked(pr.key())
	case len(p.probes) >= maxProbes:
		return nodes.Errorf(nodes.ErrTooLarge, "there are %d probes already; remove takes some away, and main.* is one for many functions", maxProbes)
	}
	if pr.kind == kindPanic {
		if err := p.hook(); err != nil {
			return err
		}
	} else if pr.sites, err = p.patch(pr, t, o); err != nil {
		return err
	}
	if o != nil {
		p.remember(pr.name, o)
	}
	p.probes[pr.key()] = pr
	p.rearm()
	p.event("insert", pr.name, strings.TrimSpace(pr.kind+" by "+pr.by+" "+pr.note))
	return nil
}

// rearm tells the hook what probes there are. p.mu is held.
func (p *plugin) rearm() {
	a := arm(p.probes)
	a.keepLast = p.crash != nil
	if len(a.exact)+len(a.prefixes) == 0 && !a.keepLast {
		a = nil
	}
	p.armed.Store(a)
}

// remove takes FUNC.
func (p *plugin) remove(ctx context.Context, args []string) error {
	want := spellings(args[0])
	list := p.sorted(func(pr *probe) bool {
		for _, w := range want {
			if pr.name == w || pr.name == escapedDots(w) {
				return true
			}
		}
		return false
	})
	if len(list) == 0 {
		var all []string
		for _, pr := range p.sorted(nil) {
			all = append(all, pr.name)
		}
		return nodes.Errorf(fs.ErrNotExist, "there is no probe on %.200q%s; the file probes lists them", args[0], nearest.Hint(args[0], all))
	}
	return p.removeProbes(ctx, list, "by "+by(ctx))
}

// sorted returns the probes that match, or all, in order.
func (p *plugin) sorted(match func(*probe) bool) (list []*probe) {
	p.mu.Lock()
	for _, pr := range p.probes {
		if match == nil || match(pr) {
			list = append(list, pr)
		}
	}
	p.mu.Unlock()
	sort.Slice(list, func(i, j int) bool {
		a, b := list[i], list[j]
		return a.name < b.name || a.name == b.name && a.kind < b.kind
	})
	return list
}

// off takes out all probes.
func (p *plugin) off(ctx context.Context, _ []string) error {
	err := p.removeProbes(ctx, p.sorted(nil), "off by "+by(ctx))
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.unhook(true)
	p.unhooking = e != nil
	if err == nil {
		err = held(e) // else it is the same tracer
	}
	return err
}

// reset also lets go of what has been caught.
func (p *plugin) reset(ctx context.Context, _ []string) error {
	err := p.off(ctx, nil)
	if _, e := p.store.discard(nil); e != nil {
		err = errors.Join(err, e)
	}
	return errors.Join(err, p.changeLimits(ctx, 0, p.conf.limits()))
}

// discard takes N, FUNC, latest or all.
func (p *plugin) discard(_ context.Context, args []string) error {
	name := args[0]
	if name == "all" {
		_, err := p.store.discard(nil)
		return err
	}
	if name == latest {
		t, err := p.store.find(name)
		if err != nil {
			return err
		}
		name = strconv.Itoa(t.N)
	}
	match := func(t *traceback) bool { return strconv.Itoa(t.N) == name }
	if numberOf(name) == 0 {
		want := spellings(nodes.Unescape(name))
		match = func(t *traceback) bool {
			for _, w := range want {
				if t.caughtBy(w) {
					return true
				}
			}
			return false
		}
	}
	n, err := p.store.discard(match)
	if err == nil && n == 0 {
		err = nodes.Errorf(fs.ErrNotExist, "there is no traceback %.200q: the name is a number, or a function that has one", name)
	}
	return err
}

// setLimits takes KEY=VALUE...
func (p *plugin) setLimits(ctx context.Context, args []string) error {
	args, lease, err := nodes.CutFor(args)
	if err != nil {
		return err
	}
	l := *p.limit.Load()
	if len(args) == 0 {
		return nodes.Errorf(fs.ErrInvalid, "limit: a key is missing; it is %s now", l)
	}
	for _, a := range args {
		key, value, ok := strings.Cut(a, "=")
		if !ok || nearest.Name(key, limitKeys) != key {
			return nodes.Errorf(fs.ErrInvalid, "limit %.40q: not KEY=VALUE%s; the keys are %s", a, nearest.Hint(key, limitKeys), strings.Join(limitKeys, ", "))
		}
		if err := l.set(key, value); err != nil {
			return nodes.Errorf(fs.ErrInvalid, "limit %v", err)
		}
	}
	if err := l.check(); err != nil {
		return nodes.Errorf(fs.ErrInvalid, "limit %v", err)
	}
	return p.changeLimits(ctx, lease, l)
}

func (p *plugin) changeLimits(ctx context.Context, lease time.Duration, l limits) error {
	set := func(l limits) error {
		was := *p.limit.Swap(&l)
		p.relimit(was, l)
		return p.store.shrink()
	}
	return p.limiting.Change(ctx, lease, nodes.Change{
		Now: func(context.Context) (string, error) { return p.limit.Load().String(), nil },
		Do:  func(context.Context) error { return set(l) },
		Hold: func(context.Context) (func(context.Context) error, error) {
			was := *p.limit.Load()
			return func(context.Context) error { return set(was) }, nil
		},
	})
}

// relimit has the probes that are in keep to other limits from now on. Those on panics
// look at each hit.
func (p *plugin) relimit(was, now limits) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pr := range p.probes {
		if pr.sites == nil {
			continue
		}
		for _, r := range pr.sites.list {
			if now.rate != was.rate || now.burst != was.burst {
				r.SetLimit(now.rate, now.burst)
			}
			if now.share != was.share {
				r.SetShare(now.share / 100)
			}
		}
	}
}

// functions returns the table of functions, or why there are no probes here.
func (p *plugin) functions() (*pclntab.Table, error) {
	if !p.conf.Engine {
		return nil, nodes.Errorf(nodes.ErrDisabled, "engine = false in the section [debugger] of the configuration: there are no probes, only what the program and http.Wrap recover is kept")
	}
	table, err := pclntab.Open()
	if err != nil {
		return nil, nodes.Errorf(nodes.ErrNotSupported, "there are no probes in this program: %v; what it hands to debugger.Recovered, and what http.Wrap recovers, is kept", err)
	}
	return table, nil
}

// by says who writes.
func by(ctx context.Context) string {
	peer := nodes.PeerFrom(ctx)
	switch {
	case peer.UID >= 0:
		return "uid " + strconv.Itoa(peer.UID) + " pid " + strconv.Itoa(peer.PID)
	case peer.Addr != "":
		return peer.Addr
	}
	return "a writer of ctl"
}
