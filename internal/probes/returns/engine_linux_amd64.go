package returns

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ispyd/ispyd/internal/probes/exits"
	"github.com/ispyd/ispyd/internal/probes/jump"
	"github.com/ispyd/ispyd/internal/symbols/pclntab"
)

// engine is everything of this process, made at the first probe and kept: stubs,
// what they refer to, and the eventfd may be in use by a late thread for ever.
type engine struct {
	table *pclntab.Table
	event *os.File
	clock *clock

	mu        sync.Mutex
	mem       *shared
	functions []*function
	byKey     map[key]*function
	probes    map[string]*Probe // by function
	running   bool              // the consumer
	turns     atomic.Int64      // how many observations there have been

	pairs pairs // of the consumer
}

type key struct {
	name    string
	observe bool
}

// function is a function with its stubs.
type function struct {
	name    string
	plan    *Plan
	observe bool
	index   uint32
	cell    *cell
	exits   []*jump.Site
	places  []*exits.Place // of exits
	targets []uintptr      // stubs of exits
	entry   *jump.Site
	enter   uintptr // stub of entry
	probe   atomic.Pointer[Probe]
}

var (
	engineMu sync.Mutex
	theOne   *engine
)

// start makes the engine; what fails once may succeed later.
func start() (*engine, error) {
	engineMu.Lock()
	defer engineMu.Unlock()
	if theOne != nil {
		return theOne, nil
	}
	t, err := pclntab.Open()
	if err != nil {
		return nil, err
	}
	e := &engine{table: t, byKey: map[key]*function{}, probes: map[string]*Probe{}, clock: newClock()}
	const efdNonblock, efdCloexec = 0x800, 0x80000
	fd, _, errno := syscall.RawSyscall(syscall.SYS_EVENTFD2, 0, efdNonblock|efdCloexec, 0)
	if errno != 0 {
		return nil, os.NewSyscallError("eventfd", errno)
	}
	e.event = os.NewFile(fd, "eventfd")
	if err := e.event.SetReadDeadline(time.Time{}); err != nil {
		e.event.Close()
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	if e.mem, err = mapShared(); err != nil {
		e.event.Close()
		return nil, err
	}
	eventFD = int32(fd)
	initAssembly(t)
	theOne = e
	return e, nil
}

// prepare makes the stubs of a function, or finds those it has.
func (e *engine) prepare(fn Function, observe bool) (*function, error) {
	k := key{fn.Name, observe}
	if f := e.byKey[k]; f != nil {
		return f, nil
	}
	plan, err := MakePlan(e.table, jump.Code, fn, observe)
	if err != nil {
		return nil, err
	}
	need := len(plan.Exits.Exits)
	if observe {
		need++
	}
	if e.mem.ncells == maxCells || e.mem.nsites+need > maxSites {
		return nil, fmt.Errorf("too many functions have been probed: %w", syscall.ENOSPC)
	}
	f := &function{name: fn.Name, plan: plan, observe: observe, index: uint32(len(e.functions)), cell: &e.mem.cells[e.mem.ncells]}
	// The landings first: one that cannot be had ends this, and costs no stubs.
	for i := range plan.Exits.Exits {
		if err := f.land(&plan.Exits.Exits[i]); err != nil {
			return nil, err
		}
	}
	if observe {
		if f.entry, err = jump.At(plan.Exits.Check.PC); err != nil {
			return nil, f.landing(err)
		}
	}
	if err := e.stubs(f); err != nil {
		return nil, err
	}
	e.mem.ncells++
	e.functions = append(e.functions, f)
	e.byKey[k] = f
	return f, nil
}

// land finds a place for the jump of an exit.
func (f *function) land(x *exits.Exit) error {
	var first error
	for i := range x.Places {
		s, err := jump.At(x.Places[i].PC)
		if err == nil {
			f.exits, f.places = append(f.exits, s), append(f.places, &x.Places[i])
			return nil
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		if first == nil {
			first = err
		}
	}
	return f.landing(first)
}

func (f *function) landing(err error) error {
	if errors.Is(err, errors.ErrUnsupported) {
		return &Refusal{f.name, NoLanding, "", err}
	}
	return err
}

// stubs emits the stubs of a function, with a site each.
func (e *engine) stubs(f *function) error {
	capturePC, observePC := routines()
	l := f.plan.Layout
	for i, x := range f.plan.Exits.Exits {
		place := f.places[i]
		s, addr := e.site(f, x.Ret)
		if f.observe {
			s.words = wordsOnStack(l.StackSize)
			target, err := stubWith(place, func(at uintptr, moved []byte) []byte {
				code, cont := observeStub(moved, addr, observePC)
				s.cont = at + uintptr(cont)
				return code
			})
			if err != nil {
				return err
			}
			f.targets = append(f.targets, target)
			continue
		}
		s.frame = uint64(x.Frame)
		p := &l.Results[f.plan.Error]
		if p.OnStack() {
			s.stack = uint64(8 + p.Leaves[0].N)
		} else {
			s.data = slotInts + 8*uint64(p.Leaves[1].N)
		}
		target, err := stubWith(place, func(_ uintptr, moved []byte) []byte { return errorStub(moved, p, addr, capturePC) })
		if err != nil {
			return err
		}
		f.targets = append(f.targets, target)
	}
	if !f.observe {
		return nil
	}
	check := f.plan.Exits.Check
	s, addr := e.site(f, check.PC)
	s.entry = 1
	s.words = wordsOnStack(l.StackSize)
	var err error
	f.enter, err = jump.Stub(stubExtra, func(at uintptr) []byte {
		code, cont := entryStub(at, check, addr, observePC)
		s.cont = at + uintptr(cont)
		return code
	})
	return err
}

// stubWith makes a stub with the code that a place's jump leaves out.
func stubWith(p *exits.Place, emit func(at uintptr, moved []byte) []byte) (uintptr, error) {
	var moveErr error
	target, err := jump.Stub(p.Size()+stubExtra, func(at uintptr) []byte {
		var moved []byte
		if moved, moveErr = p.Code(at); moveErr != nil {
			return nil
		}
		return emit(at, moved)
	})
	return target, errors.Join(err, moveErr)
}

func wordsOnStack(size int64) uint64 { return uint64(min(size, recordStack) / 8) }

// site takes the next site.
func (e *engine) site(f *function, pc uintptr) (*site, uintptr) {
	s := &e.mem.sites[e.mem.nsites]
	e.mem.nsites++
	*s = site{cell: addressOf(f.cell), pc: pc, fn: f.index}
	return s, addressOf(s)
}

// arm aims the jumps of a function and writes them.
func (f *function) arm() error {
	list := f.exits
	for i, s := range f.exits {
		s.Aim(f.targets[i])
	}
	if f.entry != nil {
		f.entry.Aim(f.enter)
		list = append(list[:len(list):len(list)], f.entry)
	}
	return jump.Arm(list...)
}

func (f *function) disarm() error {
	var list []*jump.Site
	if f.entry != nil {
		list = append(list, f.entry)
	}
	return jump.Restore(append(list, f.exits...)...)
}

// insert arms a probe and has the consumer run.
func (e *engine) insert(p *Probe, fn Function, observe bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if q := e.probes[fn.Name]; q != nil {
		return fmt.Errorf("%s has a probe: %w", fn.Name, syscall.EEXIST)
	}
	f, err := e.prepare(fn, observe)
	if err != nil {
		return err
	}
	if p.errorsOnly && f.plan.Error < 0 {
		return &Refusal{fn.Name, NoError, "", nil}
	}
	if !e.running {
		e.discard()
	}
	p.e, p.f = e, f
	p.begin(time.Now())
	f.probe.Store(p)
	if err := f.arm(); err != nil {
		atomic.StoreInt64(&f.cell.tokens, 0)
		f.probe.Store(nil)
		return errors.Join(err, f.disarm())
	}
	p.record()
	e.probes[fn.Name] = p
	if !e.running {
		e.running = true
		go e.run()
	} else {
		e.kick()
	}
	return nil
}

// remove takes a probe's jumps out. It is called with e.mu held.
func (e *engine) remove(p *Probe) error {
	if e.probes[p.f.name] != p {
		return fmt.Errorf("%s has no such probe: %w", p.f.name, syscall.ENOENT)
	}
	if p.observe {
		atomic.StoreInt64(&p.f.cell.tokens, 0)
	}
	if err := p.f.disarm(); err != nil {
		if p.observe && p.stopped == nil {
			p.turn.Store(e.nextTurn()) // calls have been missed
			p.record()
		}
		return err
	}
	p.final = p.statsLocked()
	p.removed = true
	atomic.StoreInt64(&p.f.cell.tokens, 0)
	p.f.probe.Store(nil)
	delete(e.probes, p.f.name)
	e.kick()
	return nil
}

func (e *engine) nextTurn() int64 { return e.turns.Add(1) }

// record has the stubs of an observation make records. It comes after the jumps
// have been written: a call whose entry is recorded has its return recorded too, or
// none that comes after it. Likewise it ends before they are taken out.
func (p *Probe) record() {
	if p.observe {
		atomic.StoreInt64(&p.f.cell.tokens, p.turn.Load())
	}
}

func (e *engine) kick() {
	var one [8]byte
	one[0] = 1
	e.event.Write(one[:]) // full means that it is awake
}
