package eval

import (
	"go/ast"
	"go/token"
	"reflect"
	"sort"
	"strconv"
	"strings"
)

// generic is a generic function or type of the session. Each instance is compiled by
// itself, with the type parameters as names of its types.
type generic struct {
	name    string
	fn      *ast.FuncDecl
	spec    *ast.TypeSpec
	methods []*ast.FuncDecl
	scope   *scope
	made    map[string]*Type
	funcs   map[string]*function
}

// typeParam stands for a type that inference looks for.
type typeParam struct {
	name  string
	bound *Type
}

// typeSet is the union of a constraint.
type typeSet struct {
	terms      []term
	comparable bool
}

type term struct {
	tilde bool
	typ   *Type
}

func (s *typeSet) key() string {
	k := "|"
	for _, t := range s.terms {
		if t.tilde {
			k += "~"
		}
		k += strconv.Itoa(t.typ.id) + "|"
	}
	if s.comparable {
		k += "=="
	}
	return k
}

func (s *typeSet) String() string {
	if s.comparable {
		return "comparable"
	}
	var l []string
	for _, t := range s.terms {
		name := t.typ.String()
		if t.tilde {
			name = "~" + name
		}
		l = append(l, name)
	}
	return strings.Join(l, " | ")
}

// and is the intersection, which keeps the terms of s that o has.
func (s *typeSet) and(o *typeSet) *typeSet {
	if s == nil {
		return o
	}
	r := &typeSet{comparable: s.comparable || o.comparable}
	for _, t := range s.terms {
		if len(o.terms) == 0 || o.has(t.typ) {
			r.terms = append(r.terms, t)
		}
	}
	if len(s.terms) == 0 {
		r.terms = o.terms
	}
	return r
}

func (s *typeSet) has(t *Type) bool {
	if s.comparable && !t.comparable() {
		return false
	}
	if len(s.terms) == 0 {
		return true
	}
	for _, m := range s.terms {
		if m.typ == t || m.tilde && sameUnder(m.typ, t) {
			return true
		}
	}
	return false
}

func isUnion(n ast.Expr) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		return n.Op == token.OR
	case *ast.UnaryExpr:
		return n.Op == token.TILDE
	}
	return false
}

func (c *compiler) union(n ast.Expr) *typeSet {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if n.Op == token.OR {
			a, b := c.union(n.X), c.union(n.Y)
			return &typeSet{terms: append(append([]term(nil), a.terms...), b.terms...)}
		}
	case *ast.UnaryExpr:
		if n.Op == token.TILDE {
			return &typeSet{terms: []term{{true, c.typeExpr(n.X)}}}
		}
	}
	t := c.typeExpr(n)
	if t.isInterface() && t.base().union != nil {
		return t.base().union
	}
	return &typeSet{terms: []term{{false, t}}}
}

// paramNames lists the names of type parameters, each with its constraint.
//
//go:noinline
func paramNames(l *ast.FieldList) (names []string, constraints []ast.Expr) {
	for _, f := range l.List {
		for _, id := range f.Names {
			names = append(names, id.Name)
			constraints = append(constraints, f.Type)
		}
	}
	return names, constraints
}

func (g *generic) params() *ast.FieldList {
	if g.fn != nil {
		return g.fn.Type.TypeParams
	}
	return g.spec.TypeParams
}

// instantiate compiles f[T, …].
func (c *compiler) instantiate(n ast.Expr, x *operand, args []ast.Expr) *operand {
	if x.mode != genericMode {
		fail(n, "%s is not generic", x.node)
	}
	var types []*Type
	for _, a := range args {
		types = append(types, c.typeExpr(a))
	}
	g := x.generic
	names, _ := paramNames(g.params())
	if len(types) < len(names) && g.fn != nil {
		return &operand{mode: genericMode, node: n, name: x.name, generic: g, results: types}
	}
	return c.instance(n, g, types)
}

func (c *compiler) instance(n ast.Node, g *generic, types []*Type) *operand {
	names, constraints := paramNames(g.params())
	if len(types) != len(names) {
		fail(n, "%s has %d type parameters, not %d", g.name, len(names), len(types))
	}
	key := ids(types)
	node, _ := n.(ast.Expr)
	if t := g.made[key]; t != nil {
		return &operand{mode: typeMode, node: node, typ: t}
	}
	if fn := g.funcs[key]; fn != nil {
		return c.use(node, &object{kind: funcObject, name: fn.name, typ: fn.typ, fn: fn})
	}
	if len(g.made)+len(g.funcs) > 500 {
		fail(n, "%s: too many instances", g.name)
	}
	sc := &scope{up: g.scope}
	for i, name := range names {
		sc.set(&object{kind: typeObject, name: name, typ: types[i]})
	}
	oldScope, oldCtx := c.scope, c.ctx
	c.scope = sc
	defer func() { c.scope, c.ctx = oldScope, oldCtx }()
	var full []string
	for i, e := range constraints {
		full = append(full, types[i].String())
		bound := c.constraint(e)
		if types[i].param != nil {
			continue
		}
		if why := types[i].missing(bound); why != "" {
			fail(n, "%s does not satisfy %s (%s)", types[i], e, why)
		}
	}
	name := g.name + "[" + strings.Join(full, ",") + "]"
	if g.fn != nil {
		c.ctx = c.s.topContext
		fn := &function{name: name, typ: c.funcType(&ast.FuncType{Params: g.fn.Type.Params, Results: g.fn.Type.Results})}
		if g.funcs == nil {
			g.funcs = map[string]*function{}
		}
		g.funcs[key] = fn
		c.instances = append(c.instances, func() { delete(g.funcs, key) })
		c.compileBody(fn, nil, nil, g.fn.Type, g.fn.Body, false)
		return c.use(node, &object{kind: funcObject, name: name, typ: fn.typ, fn: fn})
	}
	t := c.u.declareType(name)
	t.origin, t.args = g, types
	g.made[key] = t
	c.instances = append(c.instances, func() { delete(g.made, key) })
	c.setDeclared(g.spec, t)
	for _, m := range g.methods {
		c.genericMethod(g, t, types, m)
	}
	return &operand{mode: typeMode, node: node, typ: t}
}

// genericMethod compiles a method of a generic type for one instance.
func (c *compiler) genericMethod(g *generic, t *Type, types []*Type, d *ast.FuncDecl) {
	sc := &scope{up: g.scope}
	e := d.Recv.List[0].Type
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	var names []ast.Expr
	switch e := ast.Unparen(e).(type) {
	case *ast.IndexExpr:
		names = []ast.Expr{e.Index}
	case *ast.IndexListExpr:
		names = e.Indices
	}
	if len(names) != len(types) {
		fail(d.Recv, "receiver of %s has %d type parameters, not %d", d.Name.Name, len(types), len(names))
	}
	for i, n := range names {
		if id, ok := n.(*ast.Ident); ok && id.Name != "_" {
			sc.set(&object{kind: typeObject, name: id.Name, typ: types[i]})
		}
	}
	old := c.scope
	c.scope = sc
	defer func() { c.scope = old }()
	c.addMethod(d, t)
}

// constraint compiles a constraint, which may be a union without interface{}.
func (c *compiler) constraint(n ast.Expr) *Type {
	if isUnion(n) {
		return c.u.iface(nil, c.union(n))
	}
	t := c.typeExpr(n)
	if !t.isInterface() {
		return c.u.iface(nil, &typeSet{terms: []term{{typ: t}}})
	}
	return t
}

// typeVariables stand for the type parameters of a generic function, in a scope of
// their names.
func (c *compiler) typeVariables(f *operand) (names []string, constraints []ast.Expr, vars []*Type, sc *scope) {
	g := f.generic
	names, constraints = paramNames(g.params())
	vars = make([]*Type, len(names))
	sc = &scope{up: g.scope}
	for i, name := range names {
		c.u.last++
		vars[i] = &Type{u: c.u, id: c.u.last, kind: reflect.Interface, param: &typeParam{name: name}}
		vars[i].filled.Store(true)
		sc.set(&object{kind: typeObject, name: name, typ: vars[i]})
		if i < len(f.results) {
			vars[i].param.bound = f.results[i]
		}
	}
	return names, constraints, vars, sc
}

// inferFrom finds the type arguments of a generic function from the type of a variable
// that it is assigned to.
func (c *compiler) inferFrom(n ast.Expr, f *operand, t *Type) *operand {
	g := f.generic
	names, _, vars, sc := c.typeVariables(f)
	old := c.scope
	c.scope = sc
	own := c.funcType(&ast.FuncType{Params: g.fn.Type.Params, Results: g.fn.Type.Results})
	c.scope = old
	unify(own, t)
	types := make([]*Type, len(vars))
	for i, v := range vars {
		if types[i] = v.param.bound; types[i] == nil {
			fail(n, "cannot use generic function %s without instantiation: cannot infer %s", g.name, names[i])
		}
	}
	return c.instance(n, g, types)
}

// infer finds the type arguments of a generic function from those of the call.
func (c *compiler) infer(n *ast.CallExpr, f *operand) *operand {
	g := f.generic
	if g.fn == nil {
		fail(n.Fun, "cannot use generic type %s without instantiation", g.name)
	}
	names, constraints, vars, sc := c.typeVariables(f)
	old := c.scope
	c.scope = sc
	var params []*Type
	var last *Type
	for _, fd := range g.fn.Type.Params.List {
		e := fd.Type
		dots, variadic := e.(*ast.Ellipsis)
		if variadic {
			e = dots.Elt
		}
		t := c.typeExpr(e)
		if variadic {
			last = t
			continue
		}
		for range max(1, len(fd.Names)) {
			params = append(params, t)
		}
	}
	cores := make([]*typeSet, len(constraints))
	for i, e := range constraints {
		if b := c.constraint(e); b.base().union != nil {
			cores[i] = b.base().union
		}
	}
	c.scope = old
	var untypedArgs []*operand
	var untypedParams []*Type
	for i, a := range n.Args {
		p := last
		if i < len(params) {
			p = params[i]
		}
		if p == nil {
			fail(n, "too many arguments in call to %s", g.name)
		}
		if n.Ellipsis.IsValid() && i == len(n.Args)-1 && last != nil {
			p = c.u.slice(last)
		}
		if lit, ok := a.(*ast.FuncLit); ok {
			unify(p, c.typeExpr(lit.Type))
			continue
		}
		x := c.any(a, nil)
		if x.mode == genericMode {
			continue
		}
		x = c.checked0(x, a)
		if x.mode == novalue && len(n.Args) == 1 { // all results of a call
			for j, r := range x.results {
				if p := append(params, last)[min(j, len(params))]; p != nil {
					unify(p, r)
				}
			}
		}
		if x.mode == novalue || x.isNil() {
			continue
		}
		if x.isConst() && x.typ.untyped != typed {
			untypedArgs, untypedParams = append(untypedArgs, x), append(untypedParams, p)
			continue
		}
		unify(p, x.typ.defaultType())
	}
	// Constraints such as ~[]E tell of other parameters.
	for i, set := range cores {
		if set == nil || len(set.terms) != 1 {
			continue
		}
		if b := vars[i].param.bound; b != nil {
			unify(set.terms[0].typ, b)
		} else if r := substitute(set.terms[0].typ); r != nil {
			vars[i].param.bound = r
		}
	}
	best := map[*Type]untyped{}
	for i, x := range untypedArgs {
		if p := untypedParams[i]; p.param != nil && p.param.bound == nil {
			best[p] = max(best[p], x.typ.untyped)
		}
	}
	for p, u := range best {
		p.param.bound = c.u.consts[u].defaultType()
	}
	types := make([]*Type, len(vars))
	for i, v := range vars {
		if types[i] = v.param.bound; types[i] == nil {
			fail(n, "in call to %s, cannot infer %s", g.name, names[i])
		}
	}
	r := c.instance(n.Fun, g, types)
	r.node = n.Fun
	return r
}

func (c *compiler) checked0(x *operand, n ast.Expr) *operand {
	switch x.mode {
	case typeMode, packageMode, builtinMode:
		fail(n, "%s (%s) is not a value", n, x)
	}
	return x
}

// unify finds the type parameters in p by comparing it with t.
func unify(p, t *Type) {
	if p.param != nil {
		if p.param.bound == nil {
			p.param.bound = t
		}
		return
	}
	if p.pure || p == t {
		return
	}
	if p.origin != nil {
		if t.origin == p.origin {
			for i, a := range p.args {
				unify(a, t.args[i])
			}
		}
		return
	}
	p, t = p.base(), t.base()
	if p.kind != t.kind {
		return
	}
	if p.elem != nil && t.elem != nil {
		unify(p.elem, t.elem)
	}
	if p.key != nil && t.key != nil {
		unify(p.key, t.key)
	}
	for i, a := range p.params {
		if i < len(t.params) {
			unify(a, t.params[i])
		}
	}
	for i, a := range p.results {
		if i < len(t.results) {
			unify(a, t.results[i])
		}
	}
}

// substitute is p with its parameters replaced by what was found, nil where one is
// missing. It knows what constraints are made of.
func substitute(p *Type) *Type {
	switch {
	case p.param != nil:
		return p.param.bound
	case p.pure:
		return p
	case p.kind == reflect.Slice:
		if e := substitute(p.elem); e != nil {
			return p.u.slice(e)
		}
	case p.kind == reflect.Pointer:
		if e := substitute(p.elem); e != nil {
			return p.u.pointer(e)
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	var l []string
	for k := range m {
		l = append(l, k)
	}
	sort.Strings(l)
	return l
}
