package eval

import (
	"fmt"
	"go/ast"
	"reflect"
	"runtime"
	"strings"
	"unsafe"
	"weak"
)

// code runs a statement.
type code func(*frame) ctl

// ctl is what follows a statement.
type ctl int

const (
	next ctl = iota
	breaks
	continues
	returns
	falls
	labelled // + 3*label for break, and 1 for continue, 2 for goto
)

// function is a compiled function of the session. A method's receiver is its first
// parameter, which typ does not show.
type function struct {
	name     string
	typ      *Type
	slots    int
	captures []capture
	params   []param
	results  []param
	named    bool
	body     code
	deferred bool
}

type param struct {
	slot int // -1 for one without a name
	rt   reflect.Type
}

// closure is a function with the variables that it uses of those around it.
type closure struct {
	fn       *function
	captured []reflect.Value
	bound    []reflect.Value // arguments that come first: a method value's receiver
	native   func(th *thread, args []reflect.Value) []reflect.Value
	s        *Session
}

// invoke calls the function. It copies the arguments.
func (cl *closure) invoke(th *thread, args []reflect.Value) []reflect.Value {
	if len(cl.bound) > 0 {
		args = append(append([]reflect.Value(nil), cl.bound...), args...)
	}
	if cl.native != nil {
		return cl.native(th, args)
	}
	fn := cl.fn
	th.enter()
	if fn.body == nil {
		panic(&stopError{fmt.Errorf("%s has no body: its declaration failed", fn.name)})
	}
	f := &frame{slots: make([]reflect.Value, fn.slots), th: th, fn: fn, up: th.top}
	th.top = f
	for i, c := range fn.captures {
		f.slots[c.inner] = cl.captured[i]
	}
	for i, p := range fn.params {
		if p.slot < 0 {
			continue
		}
		th.chargeLarge(p.rt)
		v := reflect.New(p.rt).Elem()
		v.Set(args[i])
		f.slots[p.slot] = v
	}
	if n := len(fn.results); n > 0 {
		f.results = make([]reflect.Value, n)
		for i, p := range fn.results {
			th.chargeLarge(p.rt)
			v := reflect.New(p.rt).Elem()
			f.results[i] = v
			if p.slot >= 0 {
				f.slots[p.slot] = v
			}
		}
	}
	if len(th.pending) > 0 {
		f.panics = th.pending[len(th.pending)-1]
		th.pending = th.pending[:len(th.pending)-1]
	}
	if fn.deferred {
		f.run(fn.body)
	} else {
		fn.body(f)
	}
	th.depth--
	th.top = f.up
	return f.results
}

// run runs a body that defers.
func (f *frame) run(body code) {
	depth := f.th.depth
	state := &panicState{goexit: true}
	func() {
		defer func() {
			if !state.goexit {
				return // the body returned
			}
			if r := recover(); r != nil {
				state.value, state.goexit = r, false
				f.th.note()
			}
			f.th.depth, f.th.top = depth, f
			f.runDefers(state)
		}()
		body(f)
		state.goexit = false
		f.runDefers(state)
	}()
	f.th.depth = depth
	if state.value != nil {
		panic(state.value)
	}
}

// runDefers runs what was deferred, last first, each with the panic that there is.
func (f *frame) runDefers(state *panicState) {
	_, stopped := state.value.(*stopError)
	was := f.th.unwinding
	f.th.unwinding = was || stopped
	defer func() { f.th.unwinding = was }()
	for len(f.defers) > 0 {
		if f.th.over() {
			f.defers = nil
			break
		}
		d := f.defers[len(f.defers)-1]
		f.defers = f.defers[:len(f.defers)-1]
		f.runDefer(d, state)
		if state.recovered {
			state.value, state.recovered = nil, false
			f.th.trace = nil
		}
	}
}

func (f *frame) runDefer(d func(*thread, *panicState), state *panicState) {
	done := false
	depth := f.th.depth
	defer func() {
		if done {
			return
		}
		if r := recover(); r != nil {
			// A new panic takes the place of the old one; nothing takes
			// the place of a stop.
			if _, stopped := state.value.(*stopError); !stopped {
				state.value, state.recovered = r, false
				f.th.trace = nil
				f.th.note()
			}
		}
		f.th.depth, f.th.top = depth, f
	}()
	d(f.th, state)
	done = true
}

// funcValue makes a func of the program's kind out of a closure, for code of the
// program may call it too.
func (s *Session) funcValue(cl *closure) reflect.Value {
	t := cl.funcType()
	rt := t.rtype()
	v := reflect.New(rt).Elem()
	v.Set(reflect.MakeFunc(rt, func(args []reflect.Value) []reflect.Value { return s.callback(cl, args) }))
	p := *(*unsafe.Pointer)(v.Addr().UnsafePointer())
	// The session's own calls find the closure by the func's address and call it
	// without a detour. It must not keep the closure alive.
	key := uintptr(p)
	s.closures.Store(key, weak.Make(cl))
	runtime.AddCleanup(cl, func(key uintptr) {
		if w, ok := s.closures.Load(key); ok && w.(weak.Pointer[closure]).Value() == nil {
			s.closures.CompareAndDelete(key, w)
		}
	}, key)
	return v
}

func (cl *closure) funcType() *Type {
	return cl.fn.typ
}

// closureOf finds the session's closure behind a func value.
func (s *Session) closureOf(fn reflect.Value) *closure {
	if fn.IsNil() {
		return nil
	}
	fn = addressable(fn)
	p := *(*uintptr)(fn.Addr().UnsafePointer())
	w, ok := s.closures.Load(p)
	if !ok {
		return nil
	}
	return w.(weak.Pointer[closure]).Value()
}

// callback runs a closure that code of the program has called, on whatever goroutine.
//
// On a goroutine of the program nobody would stop a panic: it is one of the session's
// output then, and the results are zero values.
func (s *Session) callback(cl *closure, args []reflect.Value) (results []reflect.Value) {
	returned := false
	th := &thread{s: s, ev: s.current()}
	defer func() {
		if returned {
			return
		}
		th.note()
		if protected() {
			th.ev.inner.Store(&th.trace)
			return
		}
		r := recover()
		if r == nil {
			return // runtime.Goexit
		}
		text := ""
		if e, ok := r.(*stopError); ok {
			text = e.err.Error()
		} else {
			text = "panic: " + s.panicText(r)
		}
		fmt.Fprintf(s.out, "called by the program: %s%s\n", text, s.where(th.trace))
		results = nil
		for _, t := range cl.fn.typ.base().results {
			results = append(results, reflect.Zero(t.rtype()))
		}
	}()
	defer s.called()()
	results = cl.invoke(th, args)
	returned = true
	return results
}

// called counts a call from outside into code of the session, whose depth begins anew.
// What it returns says that the call is over.
func (s *Session) called() func() {
	if n := s.callbacks.Add(1); n > maxDepth {
		s.callbacks.Add(-1)
		panic(&stopError{fmt.Errorf("%w: more than %d calls from the program into the session at once: infinite recursion?", ErrLimit, maxDepth)})
	}
	return func() { s.callbacks.Add(-1) }
}

// protected says that the session's own code is further out on this goroutine's stack,
// which catches panics, or another callback, which decides for itself.
func protected() bool {
	pcs := make([]uintptr, 64)
	own := false
	for skip := 2; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs)
		frames := runtime.CallersFrames(pcs[:n])
		for {
			f, more := frames.Next()
			if strings.HasSuffix(f.Function, "eval.(*Session).protect") {
				return true
			}
			if strings.HasSuffix(f.Function, "eval.(*Session).callback") {
				if own {
					return true
				}
				own = true
			}
			if !more {
				break
			}
		}
		if n < len(pcs) {
			return false
		}
	}
}

// callValue calls a func value, one of the session or of the program.
func (th *thread) callValue(fn reflect.Value, name string, args []reflect.Value, spread bool) []reflect.Value {
	if fn.IsNil() {
		panic(nilDereference)
	}
	if cl := th.s.closureOf(fn); cl != nil {
		return cl.invoke(th, args)
	}
	return th.callHost(fn, name, args, spread)
}

// callHost calls a function of the program.
func (th *thread) callHost(fn reflect.Value, name string, args []reflect.Value, spread bool) (results []reflect.Value) {
	th.enter()
	th.charge(256)
	old := th.ev.host.Swap(&name)
	depth := th.depth
	defer func() {
		th.ev.host.Store(old)
		th.depth = depth - 1
	}()
	if spread {
		results = fn.CallSlice(args)
	} else {
		results = fn.Call(args)
	}
	th.check()
	th.ev.inner.Store(nil) // whatever panicked in there, the program has recovered
	return results
}

func (c *compiler) funcLit(n *ast.FuncLit) *operand {
	typ := c.funcType(n.Type)
	fn := c.function("func literal", typ, nil, n.Type, n.Body, true)
	s := c.s
	caps := fn.captures
	return c.value(n, typ, func(f *frame) reflect.Value {
		cl := &closure{fn: fn, s: s}
		if len(caps) > 0 {
			cl.captured = make([]reflect.Value, len(caps))
			for i, x := range caps {
				cl.captured[i] = f.slots[x.outer]
			}
		}
		f.th.charge(256)
		return s.funcValue(cl)
	})
}

// function compiles a function; recv is the receiver's field of a method. Where now is
// false the body waits until all declarations are known.
func (c *compiler) function(name string, typ *Type, recv *ast.FieldList, ft *ast.FuncType, body *ast.BlockStmt, now bool) *function {
	fn := &function{name: name, typ: typ}
	c.compileBody(fn, recv, nil, ft, body, now)
	return fn
}

func (c *compiler) compileBody(fn *function, recv *ast.FieldList, recvType *Type, ft *ast.FuncType, body *ast.BlockStmt, now bool) {
	outer, outerScope, outerIota := c.ctx, c.scope, c.iota
	ctx := &funcContext{up: outer, results: fn.typ.base().results, labels: map[string]int{}}
	sc := &scope{up: outerScope}
	do := func() {
		oldCtx, oldScope, oldIota := c.ctx, c.scope, c.iota
		c.ctx, c.scope, c.iota = ctx, sc, nil
		defer func() { c.ctx, c.scope, c.iota = oldCtx, oldScope, oldIota }()
		_ = outerIota
		add := func(fields *ast.FieldList, types []*Type) []param {
			var l []param
			if fields == nil {
				return l
			}
			i := 0
			for _, fd := range fields.List {
				names := fd.Names
				if len(names) == 0 {
					names = []*ast.Ident{{Name: "_"}}
				}
				for _, id := range names {
					p := param{-1, types[i].rtype()}
					if id.Name != "_" {
						if sc.names[id.Name] != nil {
							fail(id, "%s redeclared in this function", id.Name)
						}
						o := &object{kind: varObject, name: id.Name, typ: types[i], ctx: ctx, slot: ctx.slot()}
						sc.set(o)
						p.slot = o.slot
					}
					l = append(l, p)
					i++
				}
			}
			return l
		}
		if recv != nil {
			fn.params = add(recv, []*Type{recvType})
		}
		fn.params = append(fn.params, add(ft.Params, fn.typ.base().params)...)
		fn.results = add(ft.Results, fn.typ.base().results)
		if ft.Results != nil && len(ft.Results.List) > 0 && len(ft.Results.List[0].Names) > 0 {
			fn.named = true
			ctx.namedResults = true
		}
		c.scope = &scope{up: sc}
		b := c.stmts(body.List)
		if len(fn.results) > 0 && !c.endsIn(body.List) {
			fail(nodeAt(body.Rbrace), "missing return")
		}
		fn.body, fn.slots, fn.captures, fn.deferred = b, ctx.slots, ctx.captures, ctx.deferred
	}
	if now {
		do()
	} else {
		c.late = append(c.late, do)
	}
}

// recover is what the builtin function of that name returns in f.
func (f *frame) recover() reflect.Value {
	var r any
	if p := f.panics; p != nil && !p.goexit && !p.recovered && p.value != nil {
		switch p.value.(type) {
		case *stopError:
		default:
			r = p.value
			p.recovered = true
		}
	}
	return reflect.ValueOf(&r).Elem()
}
