package goroutines

// State says what a goroutine was doing, as the runtime's scheduler sees it.
type State uint8

// The states of a goroutine.
const (
	// Running goroutines were on a CPU.
	Running State = iota + 1
	// Runnable goroutines were waiting for one.
	Runnable
	// Waiting goroutines were blocked; Goroutine.Wait says in what.
	Waiting
	// Syscall is in a system call or in C code.
	Syscall
)

// String returns the word of the standard dump.
func (s State) String() string {
	switch s {
	case Running:
		return "running"
	case Runnable:
		return "runnable"
	case Waiting:
		return "waiting"
	case Syscall:
		return "syscall"
	}
	return "unknown"
}

// traceState translates the state numbers of the trace.
func traceState(n uint64) State {
	switch n {
	case 1:
		return Runnable
	case 2:
		return Running
	case 3:
		return Syscall
	case 4:
		return Waiting
	}
	return 0
}

// scheduler follows the goroutines through the events of one generation.
//
// The batches of different threads come in any order. What belongs together is
// found as the trace's format provides: every event that moves a goroutine from
// one thread's hands into another's (start, unblock, switch) carries the
// goroutine's next sequence number, and what follows on that thread, up to the
// next such event, belongs to it. So the last state of a goroutine is the last
// one under its highest number, whatever the clocks say.
type scheduler struct {
	threads map[uint64]*thread
	moved   map[uint64]*moved // goroutines that did something, by id
	still   [][]still         // those that did not, in pieces that are never copied
	want    map[uint64]bool   // if not nil, whom still is limited to
}

// still is a goroutine of which the trace says only its state and stack.
type still struct {
	id    uint64
	stack uint32 // the trace's id of it, 0 for none
	state State
}

// rests notes a goroutine that did nothing.
func (s *scheduler) rests(g still) {
	const piece = 4096
	n := len(s.still)
	if n == 0 || len(s.still[n-1]) == piece {
		s.still = append(s.still, make([]still, 0, piece))
		n++
	}
	s.still[n-1] = append(s.still[n-1], g)
}

// moved is a goroutine that did something during the trace.
type moved struct {
	seq      uint64 // the sequence number under which state was reached
	moves    uint64 // how many events with a sequence number there were
	stackSeq uint64 // the same for stack
	since    uint64 // what is older belongs to somebody who had the same id before
	parent   uint64 // who created it, if during the trace
	stack    uint32 // the last one known
	creator  uint32 // the stack of the go statement, if during the trace
	reason   uint32 // why it waits or stopped: a string id
	state    State
	born     bool
	dead     bool
	system   bool // a worker of the garbage collector
}

// thread is what one thread has in its hands.
type thread struct {
	id, now uint64
	goid    uint64
	g       *moved // nil: no goroutine
	seq     uint64
}

func (s *scheduler) thread(id uint64) *thread {
	t := s.threads[id]
	if t == nil {
		t = &thread{id: id}
		s.threads[id] = t
	}
	return t
}

func (s *scheduler) goroutine(id uint64) *moved {
	g := s.moved[id]
	if g == nil {
		g = &moved{}
		s.moved[id] = g
	}
	return g
}

// event applies one event of thread t; args are without the time.
func (s *scheduler) event(t *thread, typ byte, args []uint64) {
	switch typ {
	case evGoStatus, evGoStatusStack:
		s.status(t, args)
	case evGoCreate, evGoCreateBlocked:
		g := s.goroutine(args[0])
		state := Runnable
		if typ == evGoCreateBlocked {
			state = Waiting
		}
		g.born, g.parent, g.creator = true, t.goid, uint32(args[2])
		g.set(t.now, 0, state, args[1], 0)
		s.bury(args[0], g)
	case evGoCreateSyscall:
		// A thread of C comes into Go. It may have come before, and gone,
		// under the same id: that one is older, and over.
		g := s.goroutine(args[0])
		if t.now > g.since {
			*g = moved{since: t.now, born: true}
		}
		g.set(t.now, 0, Syscall, 0, 0)
		t.take(args[0], g, 0)
	case evGoStart:
		s.start(t, args[0], args[1])
	case evGoUnblock:
		g := s.goroutine(args[0])
		g.moves++
		g.set(t.now, args[1], Runnable, 0, 0)
		s.bury(args[0], g)
	case evGoStop:
		t.set(Runnable, args[1], args[0])
		t.drop()
	case evGoBlock:
		t.set(Waiting, args[1], args[0])
		t.drop()
	case evGoSyscallBegin:
		t.set(Syscall, args[1], 0)
	case evGoSyscallEnd:
		t.set(Running, 0, 0)
	case evGoSyscallEndBlocked:
		t.set(Runnable, 0, 0)
		t.drop()
	case evGoDestroy, evGoDestroySyscall:
		s.end(t)
	case evGoSwitch, evGoSwitchDestroy:
		if typ == evGoSwitch {
			t.set(Waiting, 0, 0)
		} else {
			s.end(t)
		}
		s.start(t, args[0], args[1])
	case evGoLabel:
		// The runtime labels its own workers alone.
		if t.g != nil {
			t.g.system = true
		}
	}
}

// status is the state in which a goroutine was when the generation began.
func (s *scheduler) status(t *thread, args []uint64) {
	id, m, state := args[0], args[1], traceState(args[2])
	var stack uint64
	if len(args) > 3 {
		stack = args[3]
	}
	if t.id == noThread {
		if s.want != nil && !s.want[id] {
			return
		}
		s.rests(still{id: id, stack: uint32(stack), state: state})
		return
	}
	g := s.goroutine(id)
	g.set(t.now, 0, state, stack, 0)
	if state == Running || state == Syscall && m == t.id {
		t.take(id, g, 0)
	}
}

func (t *thread) take(id uint64, g *moved, seq uint64) { t.goid, t.g, t.seq = id, g, seq }
func (t *thread) drop()                                { t.goid, t.g, t.seq = 0, nil, 0 }

func (t *thread) set(state State, stack, reason uint64) {
	if t.g != nil {
		t.g.set(t.now, t.seq, state, stack, reason)
	}
}

// start gives a goroutine to a thread, which runs it.
func (s *scheduler) start(t *thread, id, seq uint64) {
	g := s.goroutine(id)
	g.moves++
	t.take(id, g, seq)
	t.set(Running, 0, 0)
	s.bury(id, g)
}

// end ends the thread's goroutine.
func (s *scheduler) end(t *thread) {
	if g := t.g; g != nil && t.seq >= g.seq && t.now >= g.since {
		g.dead = true
		s.bury(t.goid, g)
	}
	t.drop()
}

// bury forgets a goroutine that came into being during the trace and has ended,
// once everything is known of its life: no thread will bring it up again. A
// trace that takes long would else fill the memory with the dead.
func (s *scheduler) bury(id uint64, g *moved) {
	if g.dead && g.born && g.moves == g.seq {
		delete(s.moved, id)
	}
}

// set notes a state that the goroutine reached under a sequence number, unless
// a later one is known already.
func (g *moved) set(now, seq uint64, state State, stack, reason uint64) {
	if now < g.since {
		return
	}
	if stack != 0 && seq >= g.stackSeq {
		g.stack, g.stackSeq = uint32(stack), seq
	}
	if seq >= g.seq {
		g.seq, g.state, g.reason, g.dead = seq, state, uint32(reason), false
	}
}
