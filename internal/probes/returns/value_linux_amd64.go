package returns

import (
	"errors"
	"reflect"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/ispyd/ispyd/internal/abi"
)

// words is where the parts of a value are found.
type words struct {
	ints   *[abi.IntRegs]uint64
	floats func(i int) uint64 // the low half of a register
	stack  []byte             // from what leaves on the stack are counted
}

// values puts the parameters together as they would lie in memory.
func (w *words) values(ps []abi.Param) []Value {
	out := make([]Value, len(ps))
	for i := range ps {
		out[i] = Value{ps[i].Name, ps[i].Type, w.image(&ps[i])}
	}
	return out
}

func (w *words) image(p *abi.Param) []byte {
	if p.OnStack() {
		from, to := p.Leaves[0].N, p.Leaves[0].N+int(p.Type.Size)
		if to > len(w.stack) {
			return nil
		}
		return append([]byte{}, w.stack[from:to]...)
	}
	b := make([]byte, p.Type.Size)
	for _, l := range p.Leaves {
		var v uint64
		if l.Where == abi.InFloat {
			v = w.floats(l.N)
		} else {
			v = w.ints[l.N]
		}
		var whole [8]byte
		le.PutUint64(whole[:], v)
		copy(b[l.Offset:l.Offset+l.Size], whole[:])
	}
	return b
}

// errorWords are the two words of the parameter; false if they were not copied.
func (w *words) errorWords(p *abi.Param) (itab, data uintptr, ok bool) {
	b := w.image(p)
	if len(b) != 2*abi.WordSize {
		return 0, 0, false
	}
	return uintptr(le.Uint64(b)), uintptr(le.Uint64(b[8:])), true
}

// errorInterface is the address of the type error, by which every itab of an
// error begins (internal/abi.ITab).
var errorInterface = func() uint64 {
	err := errors.New("")
	return *(*(**uint64)(unsafe.Pointer(&err)))
}()

// newErrorValue looks at an error's words; false if they are not those of an error.
// kept is the data word, if the collector knows of it.
func newErrorValue(itab, data uintptr, kept bool, keep unsafe.Pointer) (ErrorValue, bool) {
	v := ErrorValue{Itab: itab, Data: data}
	var w [2]uint64 // Inter, Type
	if !peekWords(itab, w[:]) {
		// Where this process may not read itself, all are taken for errors.
		var own [1]uint64
		return v, !peekWords(addressOf(&own), own[:])
	}
	if w[0] != errorInterface {
		return v, false
	}
	// Types and itabs are never freed.
	var t any
	*(*uint64)(unsafe.Pointer(&t)) = w[1]
	v.Type = reflect.TypeOf(t).String()
	if kept && uintptr(keep) == data && !raceEnabled {
		e := (*[2]unsafe.Pointer)(unsafe.Pointer(&v.Value))
		e[1] = keep
		e[0] = *(*unsafe.Pointer)(unsafe.Pointer(&itab))
	}
	return v, true
}

const (
	// errorPatience is how long an error's own method may take.
	errorPatience = 100 * time.Millisecond
	maxErrorText  = 8 << 10
	// maxWaiting is how many of them may be waited for at a time: one that does not
	// return keeps its goroutine for ever.
	maxWaiting = 4
)

// waiting are the calls of errors' own methods that are under way.
var waiting atomic.Int32

// resolve finds the text; false if it was not asked for, since too many errors
// have not answered yet.
func (v *ErrorValue) resolve() bool {
	if v.Value == nil {
		v.guess(v.unkept())
		return true
	}
	if waiting.Load() >= maxWaiting { // the consumer alone adds to it
		v.guess("the Error methods of too many errors before have not returned")
		return false
	}
	waiting.Add(1)
	// The method is the program's: it may wait for a lock for ever.
	c := make(chan ErrorValue, 1)
	go func() {
		said := ErrorValue{Silent: "its Error method panicked"}
		defer func() {
			recover()
			waiting.Add(-1)
			c <- said
		}()
		text := v.Value.Error()
		said = ErrorValue{Text: text[:min(len(text), maxErrorText)]}
	}()
	t := time.NewTimer(errorPatience)
	defer t.Stop()
	select {
	case said := <-c:
		v.Text, v.Silent = said.Text, said.Silent
	case <-t.C:
		v.Silent = "its Error method did not return within " + errorPatience.String()
	}
	return true
}

// unkept is why there is no Value.
func (v *ErrorValue) unkept() string {
	switch {
	case v.Data == 0:
		return "it is nil in an error that is not"
	case raceEnabled:
		return "the program is built with -race"
	}
	return "the garbage collector was at work, or the error lay on the stack"
}

// guess reads the text without the method, and says why if it cannot.
func (v *ErrorValue) guess(why string) {
	if v.Text = v.read(); v.Text == "" {
		v.Silent = why
	}
}

// read makes the text of errors of a few common types out of memory that may have
// been used for something else meanwhile.
func (v *ErrorValue) read() string {
	switch v.Type {
	case "*errors.errorString", "*fmt.wrapError", "*fmt.wrapErrors", "*fmt.errorString":
		var w [2]uint64 // the first field is the text
		if peekWords(v.Data, w[:]) {
			s, _ := peekString(w[0], w[1], maxErrorText)
			return s
		}
	case "syscall.Errno":
		var w [1]uint64
		if peekWords(v.Data, w[:]) {
			return syscall.Errno(w[0]).Error()
		}
	}
	return ""
}

// decode makes a Capture of a slot; false if the error is none.
func (e *engine) decode(p *Probe, site *site, s *slot, keep unsafe.Pointer) (*Capture, bool) {
	c := &Capture{
		Probe: p, Time: e.clock.at(s.tsc), Goroutine: s.goid, Labels: readLabels(uintptr(s.labels)),
		PC: site.pc, SP: s.sp, BP: s.bp, G: s.g, Ints: s.ints, Floats: s.floats, StackBase: s.base,
	}
	c.Stack = append([]byte{}, s.stack[:min(s.size, captureStack)]...)
	w := words{&s.ints, func(i int) uint64 { return s.floats[i][0] }, nil}
	if above := s.sp + 8 - s.base; s.sp+8 >= s.base && above <= uintptr(len(c.Stack)) {
		w.stack = c.Stack[above:]
	}
	c.Results = w.values(p.f.plan.Layout.Results)
	itab, data, ok := w.errorWords(&p.f.plan.Layout.Results[p.f.plan.Error])
	if !ok {
		return c, true // too far up the stack
	}
	c.Error, ok = newErrorValue(itab, data, s.kept != 0, keep)
	return c, ok
}
