package debugger

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"

	"github.com/ispyd/ispyd/internal/probes/exits"
	"github.com/ispyd/ispyd/internal/probes/jump"
	"github.com/ispyd/ispyd/internal/probes/panics"
	"github.com/ispyd/ispyd/internal/probes/returns"
	"github.com/ispyd/ispyd/nodes"
)

// engineFailed gives an error of the engine the sentinel of nodes that fits.
func engineFailed(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrInvalid), errors.Is(err, nodes.ErrNotSupported):
		return err
	case errors.Is(err, syscall.EEXIST):
		return nodes.Errorf(fs.ErrExist, "%v", err)
	case errors.Is(err, syscall.EBUSY):
		return nodes.Errorf(nodes.ErrBusy, "%v", err)
	case errors.Is(err, errors.ErrUnsupported):
		return nodes.Errorf(nodes.ErrNotSupported, "%v%s", err, remedy(err))
	}
	return err
}

// remedy says what to do about a function that is refused, with a semicolon before it.
func remedy(err error) string {
	var r *returns.Refusal
	if !errors.As(err, &r) {
		return ""
	}
	pkg := r.Func
	slash := strings.LastIndexByte(pkg, '/') + 1
	if dot := strings.IndexByte(pkg[slash:], '.'); dot >= 0 {
		pkg = pkg[:slash+dot]
	}
	if r.Reason == returns.NoLanding {
		return "; a program built with -buildmode=pie has room, mostly also one of which the package is built in another way: -gcflags=" + pkg + "=-l or =-N -l"
	}
	if x := r.Exits(); r.Reason == returns.NoCheck || x != nil && x.Reason == exits.NoEpilogue {
		return "; put the probe on a function that calls it, or build with -gcflags='" + pkg + "=-N -l', which gives it a frame if it calls or keeps anything"
	}
	if r.Exits() != nil {
		return "; put the probe on a function that calls it, or build with -gcflags='" + pkg + "=-l' or '=-N -l', which makes other code of it"
	}
	return ""
}

// conditions are what must hold in this process for probes to work. Looking takes
// some milliseconds.
func (p *plugin) conditions() []jump.Condition {
	if !p.conf.Engine {
		return nil
	}
	return panics.Check()
}

// refusal is the condition that does not hold, nil where all do. That a tracer is
// attached just now is not taken for one unless it is asked for.
func refused(list []jump.Condition, traced bool) error {
	for _, c := range list {
		if !c.OK && (traced || c.Name != "not traced") {
			return nodes.Errorf(nodes.ErrNotSupported, "%s: %s", c.Name, c.Detail)
		}
	}
	return nil
}

// findOut learns whether panics are to be had from those who recover them, because
// no hook can be put in. Where one can, all that takes time is done by then: the first
// probe is in within a millisecond.
func (p *plugin) findOut() {
	if p.conf.Engine && panics.Prepare() == nil {
		return // no tracer is in its way, and it has looked at the rest
	}
	p.portable.Store(!p.conf.Engine || refused(p.conditions(), false) != nil)
}
