package debugger

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ispyd/ispyd/internal/probes/panics"
	"github.com/ispyd/ispyd/internal/probes/returns"
	"github.com/ispyd/ispyd/nodes"
)

// A probe that is to go while a tracer is attached cannot: the text stays as it is.
// It catches nothing any more, but stays listed, with the reason in its note, until the
// tracer has gone and the text is as it was.

// Where a tracer was in the way, it is tried again after soon, and then less and less
// often.
const (
	soon   = 200 * time.Millisecond
	seldom = 10 * time.Second
)

// takeOut takes out a probe, or has it go later. p.mu is held.
func (p *plugin) takeOut(pr *probe, why string) error {
	pr.leaving.Store(true)
	p.rearm()
	var err error
	if pr.kind == kindPanic {
		err = p.unhook(false)
	} else {
		err = pr.sites.remove()
	}
	if err != nil {
		pr.why, pr.pending = why, err.Error()
		p.goLater()
		return err
	}
	p.gone(pr, why)
	return nil
}

// gone forgets a probe that is out. p.mu is held.
func (p *plugin) gone(pr *probe, why string) {
	delete(p.probes, pr.key())
	p.event("remove", pr.name, pr.kind+": "+why)
	// It is no change of the program any more, whoever has put it in. The setting may
	// be held by who is taking the probe out, and waits for p.mu.
	go p.settle(pr)
}

// errGone says that a probe is not in any more.
var errGone = errors.New("the probe has gone")

// settle has the list of what is changed know that a probe has gone by itself.
func (p *plugin) settle(pr *probe) {
	k := pr.key()
	err := p.setting(k).Change(pr.place, 0, nodes.Change{
		Now: func(context.Context) (string, error) { return p.state(k), nil },
		Do: func(context.Context) error {
			if p.state(k) == "in" {
				return errGone // another one has been put in
			}
			return nil
		},
	})
	if err != nil && err != errGone {
		p.event("error", pr.name, "the probe is still among the settings: "+err.Error())
	}
}

// unhook takes the hook out, if no probe needs it, or if it must be. p.mu is held.
func (p *plugin) unhook(must bool) error {
	if !p.hooked || !must && p.armed.Load() != nil {
		return nil
	}
	// Whatever comes of it, nobody is called any more.
	if err := panics.Remove(); err != nil {
		p.mute = true
		p.goLater()
		return engineFailed(err)
	}
	p.hooked, p.mute = false, false
	owner.CompareAndSwap(p, nil)
	return nil
}

// goLater takes out what a tracer has held up as soon as that is possible, also after
// the end of the server: a tracer that was attached is in nobody's hands but its own.
// p.mu is held.
func (p *plugin) goLater() {
	if p.going {
		return
	}
	p.going = true
	go func() {
		for wait := soon; ; wait = min(2*wait, seldom) {
			time.Sleep(wait)
			if p.tryAgain() {
				return
			}
		}
	}()
}

// tryAgain takes out what is to go; false while a tracer is in the way.
func (p *plugin) tryAgain() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	busy := false
	for _, pr := range p.probes {
		if !pr.leaving.Load() {
			continue
		}
		err := p.takeOut(pr, pr.why)
		busy = busy || errors.Is(err, nodes.ErrBusy)
	}
	// What off has begun, although on-crash would want the hook.
	if p.hooked && (p.unhooking || p.armed.Load() == nil) {
		err := p.unhook(true)
		busy = busy || errors.Is(err, nodes.ErrBusy)
		p.unhooking = err != nil
	}
	p.going = busy
	return !busy
}

// removeAll takes out all probes. p.mu is held.
func (p *plugin) removeAll(why string) error {
	var errs []error
	for _, pr := range p.probes {
		errs = append(errs, p.takeOut(pr, why))
	}
	return once(errs)
}

// drop takes a probe out; errGone if it is not in.
func (p *plugin) drop(pr *probe, why string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.probes[pr.key()] != pr {
		return errGone
	}
	return p.takeOut(pr, why)
}

// removeProbes takes out probes, so that their settings know.
func (p *plugin) removeProbes(ctx context.Context, list []*probe, why string) error {
	var errs []error
	for _, pr := range list {
		k := pr.key()
		// Where it is listed is known by who has put it in; one of the configuration
		// is listed as changed by who takes it out.
		place := pr.place
		if pr.configured {
			place = ctx
		}
		err := p.setting(k).Change(place, 0, nodes.Change{
			Now: func(context.Context) (string, error) { return p.state(k), nil },
			Do:  func(context.Context) error { return p.drop(pr, why) },
		})
		if err != errGone {
			errs = append(errs, err)
		}
	}
	return held(once(errs))
}

// held says what becomes of what a tracer holds up.
func held(err error) error {
	if errors.Is(err, nodes.ErrBusy) {
		return nodes.Errorf(nodes.ErrBusy, "removal pending, nothing more is caught: %v; it is done as soon as that has gone", err)
	}
	return err
}

// once joins errors of which each is said once.
func once(errs []error) error {
	var list []error
	said := map[string]bool{}
	for _, err := range errs {
		if err != nil && !said[err.Error()] {
			said[err.Error()] = true
			list = append(list, err)
		}
	}
	if len(list) == 1 {
		return list[0]
	}
	return errors.Join(list...)
}

// servers are the plugins that are open: the probes on returns are one engine's.
var servers atomic.Int32

// closeEngine ends what is left of the probes on returns with the last server.
func closeEngine() error {
	if servers.Add(-1) > 0 {
		return nil
	}
	if err := returns.Close(); !errors.Is(err, syscall.EBUSY) {
		return engineFailed(err)
	}
	return nil // said already, and done later
}

// pendingNote is the note of a probe that a tracer holds up.
func pendingNote(reason string) string {
	return "removal pending: " + strings.TrimSpace(reason)
}
