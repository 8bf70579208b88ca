package eval

import (
	"fmt"
	"go/ast"
	"go/token"
	"reflect"
	"strings"

	"github.com/ispyd/ispyd/internal/eval/constant"
)

const (
	tokSub = token.SUB
	tokShl = token.SHL
	tokEql = token.EQL
)

// compileError is what the compiler panics with.
type compileError struct {
	pos token.Pos
	msg string
	// cause is set where a function of the program may not be called.
	cause *refusal
}

// fail ends the compilation. Where n is nil the position is that of what is being
// compiled. An expression among the arguments stands for its source.
func fail(n ast.Node, format string, args ...any) {
	for i, x := range args {
		switch x := x.(type) {
		case nil:
			args[i] = ""
		case ast.Node:
			args[i] = sourceOf(x)
		}
	}
	e := compileError{msg: fmt.Sprintf(format, args...)}
	for _, a := range args {
		if r, ok := a.(*refusal); ok {
			e.cause = r
		}
	}
	if n != nil {
		e.pos = n.Pos()
	}
	panic(e)
}

// get computes a value. What it returns may be the variable itself: whoever keeps it
// makes a copy.
type get func(*frame) reflect.Value

type mode uint8

const (
	novalue mode = iota
	constantMode
	valueMode
	variableMode // addressable
	mapElement
	typeMode
	packageMode
	builtinMode
	genericMode
)

// operand is a compiled expression.
type operand struct {
	mode mode
	node ast.Expr
	typ  *Type
	val  constant.Value
	get  get
	// num and cond, where not nil, compute an integer or a bool without making
	// a value of it.
	num  func(*frame) int64
	cond func(*frame) bool
	// pair is set where the expression can be used as v, ok.
	pair func(*frame) (reflect.Value, bool)
	// A call that has not one result.
	results []*Type
	many    func(*frame) []reflect.Value

	// hold, where not nil, computes what a variable is found by, and returns what
	// finds it, or panics: in an assignment of several that is later.
	hold func(*frame) func() reflect.Value

	container, key get // of a map element
	name           string
	generic        *generic
	fn             *function // where it is a function of the session
	method         *method   // where it is a method with its receiver
	receiver       get
	loose          bool // a func of which it is not known whether it is variadic
	own            bool // a func of the console: no method of its arguments is called but by the console
	effect         bool // may stand as a statement
}

func (o *operand) isNil() bool   { return o.typ != nil && o.typ.untyped == untypedNil }
func (o *operand) isConst() bool { return o.mode == constantMode }

// String is describe: an operand is an argument of fail.
func (o *operand) String() string { return o.describe() }

func (o *operand) describe() string {
	switch o.mode {
	case constantMode:
		value := " " + o.val.String()
		if _, ok := ast.Unparen(o.node).(*ast.BasicLit); ok {
			value = "" // it stands there
		}
		if o.typ.untyped != typed {
			return o.typ.String() + " constant" + value
		}
		return "constant" + value + " of type " + o.typ.String()
	case typeMode:
		return o.typ.String() + " (type)"
	case packageMode:
		return "package " + o.name
	case builtinMode:
		return "builtin " + o.name
	case genericMode:
		return "generic function " + o.name + " without instantiation"
	case novalue:
		return "no value"
	case variableMode:
		return "variable of type " + o.typ.String()
	}
	if o.isNil() {
		return "untyped nil"
	}
	return "value of type " + o.typ.String()
}

// compiler compiles one request of a session.
type compiler struct {
	s     *Session
	u     *universe
	scope *scope
	ctx   *funcContext
	label string   // of the statement that follows
	last  ast.Stmt // of a clause of a switch, where fallthrough may stand
	iota  constant.Value
	depth int
	// late are bodies of functions, compiled when all names are known.
	late []func()
	// instances undo what was made of generics, if the request fails.
	instances []func()
	undo      *[]func()
	hoisted   map[*ast.DeclStmt]bool
	shares    int                     // expressions so far that may keep a variable: a loop with such makes new ones
	declaring map[*Type]*ast.TypeSpec // types of a declaration that are still to be made
	added     map[string]bool         // methods that the request declares
	size      int
	lenient   bool // see Session.boxer
}

func (c *compiler) typeOf(rt reflect.Type) *Type { return c.u.of(rt) }

func basicType[T any](c *compiler) *Type { return c.u.of(reflect.TypeFor[T]()) }

//go:noinline
func (c *compiler) push() func() {
	old := c.scope
	c.scope = &scope{up: old}
	return func() { c.scope = old }
}

// declare makes a variable of the innermost scope. init must be run with a frame
// before the variable is used, to make room for it.
func (c *compiler) declare(name string, t *Type) (*object, func(*frame) reflect.Value) {
	o := &object{kind: varObject, name: name, typ: t}
	rt := t.rtype()
	if c.ctx.top && c.scope == c.s.overlay {
		o.global = reflect.New(rt).Elem()
		if name != "_" {
			c.scope.set(o)
		}
		g := o.global
		return o, func(*frame) reflect.Value { return g }
	}
	o.ctx, o.slot = c.ctx, c.ctx.slot()
	if name != "_" {
		c.scope.set(o)
	}
	slot := o.slot
	large := rt.Size() > 1<<12
	return o, func(f *frame) reflect.Value {
		if large {
			f.th.chargeLarge(rt)
		}
		v := reflect.New(rt).Elem()
		f.slots[slot] = v
		return v
	}
}

func (c *compiler) constant(n ast.Expr, v constant.Value, t *Type) *operand {
	if v.Kind() == constant.Unknown {
		fail(n, "constant is not valid, or its exponent is too large for the console")
	}
	if v.Kind() == constant.Int && constant.BitLen(v) > 512 {
		fail(n, "constant overflow: more than 512 bits")
	}
	return &operand{mode: constantMode, node: n, val: v, typ: t}
}

//go:noinline
func (c *compiler) value(n ast.Expr, t *Type, g get) *operand {
	return &operand{mode: valueMode, node: n, typ: t, get: g}
}

// enter counts a level of nesting, which ends with c.depth--. It is no defer: of a
// failure no level is left to count, and a defer is code at each return.
func (c *compiler) enter(n ast.Node) {
	c.depth++
	if c.size++; c.depth > maxNesting || c.size > maxNodes {
		fail(n, "too large or too deeply nested for the console")
	}
	if ev := c.s.cur.Load(); ev != nil {
		if e := ev.stop.Load(); e != nil {
			panic(e)
		}
	}
}

const (
	maxNesting = 2000
	maxNodes   = 200_000
)

// expr compiles an expression that has one value.
//
//go:noinline
func (c *compiler) expr(n ast.Expr) *operand { return c.exprHint(n, nil) }

// exprHint compiles an expression; hint is the type that is wanted, which a
// composite literal or a generic function without its own takes.
func (c *compiler) exprHint(n ast.Expr, hint *Type) *operand {
	o := c.any(n, hint)
	switch o.mode {
	case typeMode:
		fail(n, "%s is not an expression", o)
	case packageMode:
		fail(n, "use of package %s without selector", o.name)
	case builtinMode:
		fail(n, "%s must be called", o.name)
	case genericMode:
		if hint != nil && hint.kind == reflect.Func && o.generic.fn != nil {
			return c.inferFrom(n, o, hint)
		}
		fail(n, "cannot use generic function %s without instantiation", o.name)
	case novalue:
		if len(o.results) > 1 {
			fail(n, "multiple-value %s (value of type %s) in single-value context", sourceOf(n), typeList(o.results))
		}
		fail(n, "%s (no value) used as value", n)
	}
	return o
}

// any compiles any expression: also a type, a package, a call without a value.
func (c *compiler) any(n ast.Expr, hint *Type) *operand {
	c.enter(n)
	o := c.anyExpr(n, hint)
	c.depth--
	return o
}

func (c *compiler) anyExpr(n ast.Expr, hint *Type) *operand {
	switch n := n.(type) {
	case *ast.ParenExpr:
		return c.any(n.X, hint)
	case *ast.BasicLit:
		return c.literal(n)
	case *ast.Ident:
		return c.ident(n)
	case *ast.FuncLit:
		c.shares++
		return c.funcLit(n)
	case *ast.CompositeLit:
		return c.composite(n, hint)
	case *ast.SelectorExpr:
		c.shares++
		return c.selector(n)
	case *ast.IndexExpr:
		return c.index(n)
	case *ast.IndexListExpr:
		return c.instantiate(n, c.any(n.X, nil), n.Indices)
	case *ast.SliceExpr:
		c.shares++
		return c.sliceExpr(n)
	case *ast.StarExpr:
		return c.star(n)
	case *ast.UnaryExpr:
		return c.unary(n, hint)
	case *ast.BinaryExpr:
		return c.binary(n, hint)
	case *ast.CallExpr:
		return c.call(n)
	case *ast.TypeAssertExpr:
		return c.typeAssert(n)
	case *ast.ArrayType, *ast.MapType, *ast.ChanType, *ast.FuncType, *ast.StructType, *ast.InterfaceType:
		return &operand{mode: typeMode, node: n, typ: c.typeExpr(n)}
	case *ast.KeyValueExpr:
		fail(n, "unexpected key: value")
	}
	fail(n, "%s is not supported by the console", strings.TrimPrefix(fmt.Sprintf("%T", n), "*ast."))
	return nil
}

func (c *compiler) literal(n *ast.BasicLit) *operand {
	kind := untypedInt
	switch n.Kind {
	case token.FLOAT:
		kind = untypedFloat
	case token.IMAG:
		kind = untypedComplex
	case token.CHAR:
		kind = untypedRune
	case token.STRING:
		kind = untypedString
	}
	return c.constant(n, constant.MakeFromLiteral(n.Value, n.Kind), c.u.consts[kind])
}

func (c *compiler) ident(n *ast.Ident) *operand {
	if n.Name == "_" {
		fail(n, "cannot use _ as value")
	}
	if n.Name == "iota" && c.iota != nil {
		return c.constant(n, c.iota, c.u.consts[untypedInt])
	}
	o := c.scope.find(n.Name)
	if o == nil {
		var err error
		if o, err = c.s.global(c, n.Name); err != nil {
			fail(n, "%v", err)
		}
	}
	return c.use(n, o)
}

// use is the operand of a name.
func (c *compiler) use(n ast.Expr, o *object) *operand {
	switch o.kind {
	case constObject:
		if o.typ.untyped == typed {
			return c.constantValue(n, o.val, o.typ)
		}
		return c.constant(n, o.val, o.typ)
	case typeObject:
		if o.gen != nil {
			return &operand{mode: genericMode, node: n, name: o.name, generic: o.gen}
		}
		return &operand{mode: typeMode, node: n, typ: o.typ}
	case packageObject:
		return &operand{mode: packageMode, node: n, name: o.path}
	case builtinObject:
		return &operand{mode: builtinMode, node: n, name: o.name}
	case genericObject:
		return &operand{mode: genericMode, node: n, name: o.name, generic: o.gen}
	case nilObject:
		return &operand{mode: valueMode, node: n, typ: c.u.consts[untypedNil]}
	case funcObject:
		if o.fn == nil {
			v := o.global
			return &operand{mode: valueMode, node: n, typ: o.typ, name: o.path, loose: o.loose, own: o.own, get: func(*frame) reflect.Value { return v }}
		}
		fn := o.fn
		s := c.s
		return &operand{mode: valueMode, node: n, typ: o.typ, fn: fn, get: func(*frame) reflect.Value { return s.funcValue(&closure{fn: fn, s: s}) }}
	}
	r := &operand{mode: variableMode, node: n, typ: o.typ}
	if o.global.IsValid() {
		g := o.global
		r.get = func(*frame) reflect.Value { return g }
	} else {
		slot := c.ctx.reach(o)
		r.get = func(f *frame) reflect.Value { return f.slots[slot] }
	}
	r.fast()
	return r
}

// fast adds the shorter ways of an integer and a bool.
func (o *operand) fast() {
	g := o.get
	switch {
	case o.typ.isInteger() && !o.typ.isUnsigned():
		o.num = func(f *frame) int64 { return g(f).Int() }
	case o.typ.isUnsigned():
		o.num = func(f *frame) int64 { return int64(g(f).Uint()) }
	case o.typ.isBool():
		o.cond = func(f *frame) bool { return g(f).Bool() }
	}
}

// number returns what computes an integer operand.
//
//go:noinline
func (o *operand) number() func(*frame) int64 {
	if o.num == nil {
		o.fast()
	}
	return o.num
}

// truth returns what computes a bool operand.
func (o *operand) truth() func(*frame) bool {
	if o.cond == nil {
		o.fast()
	}
	return o.cond
}

// ofNumber makes the operand of an integer that num computes.
//
//go:noinline
func (c *compiler) ofNumber(n ast.Expr, t *Type, num func(*frame) int64) *operand {
	return &operand{mode: valueMode, node: n, typ: t, num: num, get: boxNumber(t, num)}
}

func boxNumber(t *Type, num func(*frame) int64) get {
	rt := t.rtype()
	switch {
	case rt == reflect.TypeFor[int]():
		return func(f *frame) reflect.Value { return reflect.ValueOf(int(num(f))) }
	case t.isUnsigned():
		return func(f *frame) reflect.Value {
			v := reflect.New(rt).Elem()
			v.SetUint(uint64(num(f)))
			return v
		}
	}
	return func(f *frame) reflect.Value {
		v := reflect.New(rt).Elem()
		v.SetInt(num(f))
		return v
	}
}

func (c *compiler) ofTruth(n ast.Expr, t *Type, cond func(*frame) bool) *operand {
	o := &operand{mode: valueMode, node: n, typ: t, cond: cond}
	if t.untyped != typed || t.rtype() == reflect.TypeFor[bool]() {
		o.get = func(f *frame) reflect.Value { return reflect.ValueOf(cond(f)) }
		return o
	}
	rt := t.rtype()
	o.get = func(f *frame) reflect.Value {
		v := reflect.New(rt).Elem()
		v.SetBool(cond(f))
		return v
	}
	return o
}
