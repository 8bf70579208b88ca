package eval

import (
	"go/ast"
	"reflect"
)

// method is a method of a type: of the session, of the program, or of an interface.
type method struct {
	name string
	typ  *Type // a func without the receiver
	ptr  bool  // the receiver is a pointer
	fn   *function
	host reflect.Value // takes the receiver first
	// loose says that it is not known whether host is variadic.
	loose bool
	iface int // index in an interface's methods, + 1
}

// selection is what a selector finds in a type.
type selection struct {
	path       []int // embedded fields to go through
	field      int   // of the last of them, -1 for a method
	typ        *Type // of the field
	method     *method
	holder     *Type // the type whose field or method it is
	viaPointer bool  // there is a pointer among the embedded fields
}

// lookup finds the field or method of a name, through embedded fields. nil where
// there is none or more than one at the same depth.
func (t *Type) lookup(name string) *selection {
	type entry struct {
		t    *Type
		path []int
		ptr  bool
	}
	if t.untyped != typed {
		return nil
	}
	if t.kind == reflect.Pointer && t.declare != nil { // fields alone
		s := t.base().elem.lookup(name)
		if s == nil || s.method != nil {
			return nil
		}
		s.viaPointer = true
		return s
	}
	level := []entry{{t, nil, false}}
	seen := map[*Type]bool{}
	for len(level) > 0 {
		var found *selection
		var deeper []entry
		n := 0
		for _, e := range level {
			x, ptr := e.t, e.ptr
			if x.kind == reflect.Pointer && x.declare == nil {
				x, ptr = x.base().elem, true
				if x.isInterface() {
					continue
				}
			}
			if seen[x] {
				continue
			}
			seen[x] = true
			if m := x.ownMethod(name); m != nil {
				found = &selection{path: e.path, field: -1, method: m, holder: x, viaPointer: ptr}
				n++
				continue
			}
			if x.kind != reflect.Struct {
				continue
			}
			for i, f := range x.base().fields {
				if f.name == name {
					found = &selection{path: e.path, field: i, typ: f.typ, holder: x, viaPointer: ptr}
					n++
				}
				if f.embedded {
					deeper = append(deeper, entry{f.typ, append(append([]int(nil), e.path...), i), ptr || f.typ.kind == reflect.Pointer})
				}
			}
		}
		if n == 1 {
			return found
		}
		if n > 1 {
			return nil
		}
		level = deeper
	}
	return nil
}

// find is lookup of a name that is written somewhere.
func (t *Type) find(id *ast.Ident) *selection {
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(compileError); ok && e.pos == 0 {
				e.pos = id.Pos()
				r = e
			}
			panic(r)
		}
	}()
	return t.lookup(id.Name)
}

// lostMethod is what there is to say of a method whose code is not there.
func lostMethod(n ast.Node) *refusal {
	return &refusal{msg: sourceOf(n) + " undefined: the linker has dropped the method, the program calls it nowhere", why: "dropped by the linker: the program calls it nowhere"}
}

// lost says that the program's type has a method whose code the linker has not kept.
func (t *Type) lost(name string) bool {
	if t.kind == reflect.Pointer && t.declare == nil {
		t = t.base().elem
	}
	if !t.pure || t.rt == nil || t.isInterface() {
		return false
	}
	for _, rt := range []reflect.Type{t.rt, reflect.PointerTo(t.rt)} {
		for _, m := range typeMethods(rt) {
			if m.name == name {
				return true
			}
		}
	}
	return false
}

// ownMethod is a method that t has by itself.
func (t *Type) ownMethod(name string) *method {
	if t.declare != nil {
		if m := t.declare.methods()[name]; m != nil {
			return m
		}
	}
	if t.isInterface() {
		for i, m := range t.base().methods {
			if m.name == name {
				return &method{name: name, typ: m.typ, iface: i + 1}
			}
		}
		return nil
	}
	if t.pure && t.rt != nil && (t.rt.Name() != "" || t.u.standIn(t.rt)) {
		return t.u.hostMethod(t.rt, name)
	}
	return nil
}

// hostMethod finds a method of a type of the program: in the table of the console,
// in the runtime's, in the program's debug information.
func (u *universe) hostMethod(rt reflect.Type, name string) *method {
	key := methodName{rt, name}
	if x, ok := u.found.Load(key); ok {
		if r, ok := x.(*refusal); ok {
			fail(nil, "%v", r)
		}
		return x.(*method)
	}
	m, err := u.findMethod(rt, name)
	if err != nil {
		if r, ok := err.(*refusal); ok {
			u.found.Store(key, r)
		}
		fail(nil, "%v", err)
	}
	u.found.Store(key, m)
	return m
}

type methodName struct {
	rt   reflect.Type
	name string
}

func (u *universe) findMethod(rt reflect.Type, name string) (*method, error) {
	m := stdMethod(rt, name)
	if u.isAtomicPointer(rt) {
		m = atomicMethod(rt, name)
	}
	if m.IsValid() {
		mt := m.Type()
		return &method{name: name, typ: u.of(withoutReceiver(mt)), ptr: mt.In(0).Kind() == reflect.Pointer && rt.Kind() != reflect.Pointer, host: m}, nil
	}
	for _, recv := range []reflect.Type{rt, reflect.PointerTo(rt)} {
		for _, m := range typeMethods(recv) {
			if m.name == name && m.typ != nil && m.tfn != 0 && callable(m.tfn) {
				return &method{name: name, typ: u.of(m.typ), ptr: recv != rt, host: funcAt(m.tfn, receiverFirst(recv, m.typ))}, nil
			}
		}
	}
	if u.host == nil {
		return nil, nil
	}
	f, err := u.host.Method(rt, name)
	if err != nil || !f.Value.IsValid() {
		return nil, err
	}
	ft := f.Value.Type()
	return &method{name: name, typ: u.of(withoutReceiver(ft)), ptr: ft.In(0) != rt, host: f.Value, loose: f.Loose}, nil
}

// standIn says that a type without a name stands for one of the program that has one.
func (u *universe) standIn(rt reflect.Type) bool {
	return u.host != nil && u.host.TypeName(rt) != ""
}

func withoutReceiver(ft reflect.Type) reflect.Type {
	var in, out []reflect.Type
	for i := 1; i < ft.NumIn(); i++ {
		in = append(in, ft.In(i))
	}
	for i := range ft.NumOut() {
		out = append(out, ft.Out(i))
	}
	return reflect.FuncOf(in, out, ft.IsVariadic())
}

func (c *compiler) selector(n *ast.SelectorExpr) *operand {
	if o := c.inMain(n); o != nil {
		return c.use(n, o)
	}
	x := c.any(n.X, nil)
	switch x.mode {
	case packageMode:
		o, err := c.s.member(c, x.name, n.Sel.Name)
		if err != nil {
			fail(n.Sel, "%v", err)
		}
		return c.use(n, o)
	case typeMode:
		return c.methodExpr(n, x.typ)
	}
	x = c.plain(c.checked(x, n.X))
	sel := x.typ.find(n.Sel)
	if sel == nil {
		if x.typ.lost(n.Sel.Name) {
			fail(n.Sel, "%v", lostMethod(n))
		}
		what := "field or method"
		fail(n.Sel, "%s undefined (type %s has no %s %s)%s", n, x.typ, what, n.Sel.Name, c.s.near(n.Sel.Name, x.typ.members(), func(name string) bool { return x.typ.lookup(name) != nil }))
	}
	for _, i := range sel.path {
		x = c.fieldOf(n, x, i)
	}
	if sel.field >= 0 {
		return c.fieldOf(n, x, sel.field)
	}
	return c.methodOf(n, x, sel)
}

// inMain is what main.X stands for, as X is shown and listed: a name of the session or
// of the program's package main. nil is another main.
func (c *compiler) inMain(n *ast.SelectorExpr) *object {
	id, ok := n.X.(*ast.Ident)
	if !ok || id.Name != "main" || c.scope.find("main") != nil {
		return nil
	}
	top := c.scope
	for ; top != nil; top = top.up {
		if top == c.s.overlay || top == c.s.top {
			if o := top.find(n.Sel.Name); o != nil {
				return o
			}
			break
		}
	}
	if c.s.host == nil {
		fail(n.Sel, "undefined: main.%s%s", n.Sel.Name, c.s.near(n.Sel.Name, sortedKeys(c.s.top.names), nil))
	}
	o, err := c.s.member(c, "main", n.Sel.Name)
	if err != nil {
		fail(n.Sel, "%v", err)
	}
	return o
}

// fieldOf is the field i of a struct, or of the struct that x points to.
func (c *compiler) fieldOf(n ast.Expr, x *operand, i int) *operand {
	mode := x.mode
	if x.typ.kind == reflect.Pointer {
		x = c.deref(n, x)
		mode = variableMode
	}
	if mode != variableMode {
		mode = valueMode
	}
	t, g := x.typ, x.get
	f := t.base().fields[i].typ
	rt := f.rtype()
	offset := t.rtype().Field(i).Offset
	r := &operand{mode: mode, node: n, typ: f}
	if hold := x.hold; hold != nil && mode == variableMode {
		r.hold = func(fr *frame) func() reflect.Value {
			v := hold(fr)
			return func() reflect.Value { return fieldVariable(v(), offset, rt) }
		}
	}
	if mode == variableMode {
		r.get = func(fr *frame) reflect.Value { return fieldVariable(g(fr), offset, rt) }
	} else {
		r.get = func(fr *frame) reflect.Value { return t.fieldAt(g(fr), i) }
	}
	r.fast()
	return r
}

// methodOf is a method with its receiver, which a call uses at once.
func (c *compiler) methodOf(n *ast.SelectorExpr, x *operand, sel *selection) *operand {
	m := sel.method
	recv := c.receiver(n, x, m)
	o := &operand{mode: valueMode, node: n, typ: m.typ, name: x.typ.String() + "." + m.name, method: m, receiver: recv, loose: m.loose}
	s := c.s
	// A method value: the receiver is computed and kept now.
	o.get = func(f *frame) reflect.Value {
		r := recv(f)
		if m.iface > 0 && r.IsNil() {
			panic(nilDereference)
		}
		r = copyOf(r)
		name := o.name
		return s.funcValue(&closure{fn: &function{name: name, typ: m.typ}, s: s, native: func(th *thread, args []reflect.Value) []reflect.Value {
			return th.callMethod(m, name, r, args, false)
		}})
	}
	return o
}

// receiver computes a method's receiver as the method takes it.
func (c *compiler) receiver(n ast.Expr, x *operand, m *method) get {
	g, t := x.get, x.typ
	switch {
	case m.iface > 0:
		return g
	case m.ptr && t.kind != reflect.Pointer:
		if x.mode != variableMode {
			fail(n, "cannot call pointer method %s on %s", m.name, t)
		}
		rt := c.u.pointer(t).rtype()
		return func(f *frame) reflect.Value { return pointerTo(g(f), rt) }
	case !m.ptr && t.kind == reflect.Pointer && t.declare == nil:
		return c.deref(n, x).get
	}
	return g
}

// callMethod calls a method with its receiver.
func (th *thread) callMethod(m *method, name string, recv reflect.Value, args []reflect.Value, spread bool) []reflect.Value {
	switch {
	case m.fn != nil:
		cl := closure{fn: m.fn, s: th.s}
		return cl.invoke(th, append([]reflect.Value{recv}, args...))
	case m.iface > 0:
		return th.callInterface(m, name, recv, args, spread)
	}
	return th.callHost(m.host, name, append([]reflect.Value{recv}, args...), spread)
}

// callInterface calls a method of what is in an interface.
func (th *thread) callInterface(m *method, name string, v reflect.Value, args []reflect.Value, spread bool) []reflect.Value {
	d := unbridge(v)
	if !d.IsValid() {
		panic(nilDereference)
	}
	t := th.s.types.of(d.Type())
	if v.NumMethod() > 0 && t.pure {
		if t.kind == reflect.Pointer {
			if f := stdMethod(t.rt.Elem(), m.name); f.IsValid() && f.Type().In(0) == t.rt {
				return th.callHost(f, name, append([]reflect.Value{d}, args...), spread)
			}
		}
		fn, word, ok := itabMethod(addressable(v).Addr().UnsafePointer(), m.iface-1, m.typ.rtype())
		if !ok {
			panic(&stopError{refused("%s of %s: the linker has dropped this method, calling it would kill the program", m.name, d.Type())})
		}
		return th.callReceiver(fn, name, d, append([]reflect.Value{reflect.ValueOf(word)}, args...), spread)
	}
	sel := t.lookup(m.name)
	if sel == nil || sel.method == nil {
		panic(&stopError{refused("%s has no method %s", t, m.name)})
	}
	for _, i := range sel.path {
		d, t = stepInto(d, t, i)
	}
	mm := sel.method
	switch {
	case mm.iface > 0:
	case mm.ptr && t.kind != reflect.Pointer:
		d = pointerTo(addressable(d), th.s.types.pointer(t).rtype())
	case !mm.ptr && t.kind == reflect.Pointer && t.declare == nil:
		d = pointee(d, t.base().elem.rtype())
	}
	return th.callMethod(mm, name, d, args, spread)
}

func stepInto(v reflect.Value, t *Type, i int) (reflect.Value, *Type) {
	if t.kind == reflect.Pointer {
		t = t.base().elem
		v = pointee(v, t.rtype())
	}
	return t.fieldAt(v, i), t.base().fields[i].typ
}

// methodExpr compiles T.m, a function that takes the receiver first.
func (c *compiler) methodExpr(n *ast.SelectorExpr, t *Type) *operand {
	sel := t.find(n.Sel)
	if sel == nil && t.lost(n.Sel.Name) {
		fail(n.Sel, "%v", lostMethod(n))
	}
	if sel == nil || sel.method == nil {
		fail(n.Sel, "%s undefined (type %s has no method %s)%s", n, t, n.Sel.Name, c.s.near(n.Sel.Name, t.members(), func(name string) bool { return t.lookup(name) != nil }))
	}
	m := sel.method
	if m.ptr && t.kind != reflect.Pointer && !sel.viaPointer {
		fail(n.Sel, "invalid method expression %s (needs pointer receiver (*%s).%s)", n, t, m.name)
	}
	mt := m.typ.base()
	typ := c.u.function(append([]*Type{t}, mt.params...), mt.results, mt.variadic)
	slot := &operand{mode: valueMode, node: n.X, typ: t}
	// The receiver is reached as in x.m, with x the first argument.
	slot.get = func(f *frame) reflect.Value { return f.slots[0] }
	x := slot
	x.mode = variableMode
	for _, i := range sel.path {
		x = c.fieldOf(n, x, i)
	}
	recv := c.receiver(n, x, m)
	s, name := c.s, t.String()+"."+m.name
	v := func(*frame) reflect.Value {
		return s.funcValue(&closure{fn: &function{name: name, typ: typ}, s: s, native: func(th *thread, args []reflect.Value) []reflect.Value {
			r := recv(&frame{th: th, slots: []reflect.Value{copyOf(args[0])}})
			return th.callMethod(m, name, r, args[1:], false)
		}})
	}
	return c.value(n, typ, v)
}

// members are the names of a type's fields and methods, for completion and for those
// who mistype them.
func (t *Type) members() []string {
	var l []string
	seen := map[*Type]bool{}
	var walk func(t *Type, depth int)
	walk = func(t *Type, depth int) {
		if t.kind == reflect.Pointer {
			t = t.base().elem
		}
		if seen[t] || depth > 4 {
			return
		}
		seen[t] = true
		if t.declare != nil {
			for name := range t.declare.methods() {
				l = append(l, name)
			}
		}
		if t.isInterface() {
			for _, m := range t.base().methods {
				l = append(l, m.name)
			}
		} else if t.pure && t.rt != nil && (t.rt.Name() != "" || t.u.standIn(t.rt)) {
			for _, m := range typeMethods(reflect.PointerTo(t.rt)) {
				l = append(l, m.name)
			}
			l = append(l, stdMethodNames(t.rt)...)
			if t.u.isAtomicPointer(t.rt) {
				l = append(l, "Load", "Store")
			}
			if t.u.host != nil {
				l = append(l, t.u.host.Methods(t.rt)...)
			}
		}
		if t.kind == reflect.Struct {
			for _, f := range t.base().fields {
				if f.name != "_" {
					l = append(l, f.name)
				}
				if f.embedded {
					walk(f.typ, depth+1)
				}
			}
		}
	}
	if t.untyped == typed {
		walk(t, 0)
	}
	return l
}
