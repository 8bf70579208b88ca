//go:build linux && amd64

package panics

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"unsafe"

	"github.com/ispyd/ispyd/internal/probes/jump"
	"github.com/ispyd/ispyd/internal/symbols/pclntab"
)

var (
	mu   sync.Mutex
	site *jump.Site // of gopanic, once verified

	version              pclntab.Version
	enterStart, enterEnd uintptr
)

// Install makes hook be called at every panic, on the goroutine that panics,
// before any of its deferred functions. It is ordinary Go code and should be
// quick; panics on other goroutines call it at the same time. A panic of its own
// is swallowed, and what panics within it does not call it again; it must not
// call runtime.Goexit.
//
// The error is syscall.EEXIST if there is a hook, syscall.EBUSY while the
// process is traced, errors.ErrUnsupported where it cannot be done.
func Install(hook func(*Panic)) error {
	if hook == nil {
		return fmt.Errorf("no hook: %w", syscall.EINVAL)
	}
	mu.Lock()
	defer mu.Unlock()
	if handler.Load() != nil && site.Armed() {
		return fmt.Errorf("panics are hooked already: %w", syscall.EEXIST)
	}
	if err := jump.Untraced(); err != nil {
		return err
	}
	if err := prepare(); err != nil {
		return err
	}
	if !site.Armed() {
		forgetGrown()
	}
	handler.Store(&hook)
	if err := jump.Arm(site); err != nil {
		handler.Store(nil)
		return err
	}
	return nil
}

// Prepare verifies what can be verified before Install, and maps the landing page:
// Install is then done in some 0.3 ms instead of 10. It changes no code.
func Prepare() error {
	mu.Lock()
	defer mu.Unlock()
	return prepare()
}

// Remove takes the hook out. It is not called any more when Remove returns,
// except by panics that are under way. If the code cannot be restored, as while
// the process is traced (syscall.EBUSY), an empty jump remains, Installed says
// so, and Remove can be called again.
func Remove() error {
	mu.Lock()
	defer mu.Unlock()
	handler.Store(nil)
	if site == nil {
		return nil
	}
	return jump.Restore(site)
}

// Installed reports whether gopanic is changed.
func Installed() bool {
	mu.Lock()
	defer mu.Unlock()
	return site != nil && site.Armed()
}

// Check returns the conditions of package jump and those of the hook.
func Check() []jump.Condition {
	out := jump.Check()
	for _, c := range out {
		if !c.OK {
			return append(out, jump.Condition{Name: conditionName, Detail: "not tried", Remedy: "see " + c.Name})
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if err := prepare(); err != nil {
		return append(out, jump.Condition{Name: conditionName, Detail: err.Error(), Remedy: "build with an unmodified Go release"})
	}
	return append(out, jump.Condition{Name: conditionName, OK: true, Detail: "of the known shape"})
}

// prepare verifies gopanic and readies the jump. It changes no code of the program.
func prepare() error {
	if site != nil {
		return nil
	}
	t, err := pclntab.Open()
	if err != nil {
		return err
	}
	f, ok := t.Lookup("runtime.gopanic")
	if !ok {
		return fmt.Errorf("no runtime.gopanic: %w", errors.ErrUnsupported)
	}
	code, err := jump.Code(f.Entry(), f.End())
	if err != nil {
		return err
	}
	v := t.Version()
	shape, err := shapeOf(code)
	if err == nil {
		err = confirm(code, v)
	}
	if err == nil {
		err = confirmHere(v)
	}
	if before, ok := f.SPDelta(f.Entry() + uintptr(shape.resume)); err == nil && (!ok || before != 0) {
		err = fmt.Errorf("runtime.gopanic has %d bytes of frame at +%#x", before, shape.resume)
	}
	own, ok := t.Func(enterAddr())
	if err == nil && (!ok || own.Entry() != enterAddr() || own.Flag()&pclntab.FlagSPWrite != 0) {
		err = errors.New("the hook's own code is not in the function table")
	}
	if err != nil {
		return fmt.Errorf("%w: %w", err, errors.ErrUnsupported)
	}
	s, err := jump.At(f.Entry() + uintptr(shape.site))
	if err != nil {
		return err
	}
	version = v
	enterStart, enterEnd = own.Entry(), own.End()
	offM, offCurg, offMallocing = uintptr(v.GM), uintptr(v.MCurg), uintptr(v.MMallocing)
	offPreemptoff, offLocks = uintptr(v.MPreemptoff), uintptr(v.MLocks)
	guard = uintptr(shape.guard)
	branch, resume = f.Entry()+uintptr(shape.branch), f.Entry()+uintptr(shape.resume)
	s.Aim(enterAddr())
	site = s
	return nil
}

// confirmHere checks the offsets on this very goroutine: it is its M's current one.
func confirmHere(v pclntab.Version) error {
	g := getg()
	var local byte
	sp := uintptr(unsafe.Pointer(&local))
	if lo, hi := load(g+uintptr(v.GStackLo)), load(g+uintptr(v.GStackHi)); sp < lo || sp >= hi {
		return errors.New("runtime.g is not of the known shape")
	}
	if load(load(g+uintptr(v.GM))+uintptr(v.MCurg)) != g {
		return errors.New("runtime.m is not of the known shape")
	}
	return nil
}

func load(at uintptr) uintptr { return **(**uintptr)(unsafe.Pointer(&at)) }
