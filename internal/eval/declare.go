package eval

import (
	"go/ast"
	"go/token"
	"reflect"
	"sort"
	"strconv"

	"github.com/ispyd/ispyd/internal/eval/constant"
)

// decl compiles a declaration within a function or at the top.
func (c *compiler) decl(d *ast.GenDecl) code {
	var l []code
	switch d.Tok {
	case token.VAR:
		for _, s := range d.Specs {
			l = append(l, c.varSpec(s.(*ast.ValueSpec)))
		}
	case token.CONST:
		c.constDecl(d)
	case token.TYPE:
		c.typeDecls(d.Specs)
	case token.IMPORT:
		for _, s := range d.Specs {
			c.importSpec(s.(*ast.ImportSpec))
		}
	}
	if len(l) == 0 {
		return nil
	}
	return func(f *frame) ctl {
		for _, e := range l {
			e(f)
		}
		return next
	}
}

func (c *compiler) varSpec(s *ast.ValueSpec) code {
	types := make([]*Type, len(s.Names))
	if s.Type != nil {
		t := c.typeExpr(s.Type)
		for i := range types {
			types[i] = t
		}
	}
	var values func(*frame) []reflect.Value
	if len(s.Values) > 0 {
		values = c.values(s, s.Values, types)
	}
	makes := make([]func(*frame) reflect.Value, len(s.Names))
	for i, id := range s.Names {
		if !c.ctx.top || c.scope != c.s.overlay {
			c.redeclared(id)
		}
		_, makes[i] = c.declare(id.Name, types[i].defaultType())
	}
	top := c.ctx.top && c.scope == c.s.overlay
	return func(f *frame) ctl {
		if values == nil {
			for _, make := range makes {
				if v := make(f); top {
					v.SetZero()
				}
			}
			return next
		}
		for i, v := range values(f) {
			v = copyOf(v)
			makes[i](f).Set(v)
		}
		return next
	}
}

func (c *compiler) constDecl(d *ast.GenDecl) {
	var typ ast.Expr
	var exprs []ast.Expr
	old := c.iota
	defer func() { c.iota = old }()
	for i, sp := range d.Specs {
		s := sp.(*ast.ValueSpec)
		if s.Type != nil || len(s.Values) > 0 {
			typ, exprs = s.Type, s.Values
		}
		c.iota = constant.MakeInt64(int64(i))
		var objects []*object
		for j, id := range s.Names {
			if !c.ctx.top || c.scope != c.s.overlay {
				c.redeclared(id)
			}
			if j >= len(exprs) {
				fail(id, "missing init expr for const declaration")
			}
			x := c.expr(exprs[j])
			if !x.isConst() {
				fail(exprs[j], "%s (%s) is not constant", exprs[j], x)
			}
			if typ != nil {
				x = c.constantTo(x, c.typeExpr(typ), "constant declaration")
			}
			objects = append(objects, &object{kind: constObject, name: id.Name, val: x.val, typ: x.typ})
		}
		if len(exprs) > len(s.Names) {
			fail(s, "extra init expr")
		}
		for _, o := range objects {
			if o.name != "_" {
				c.scope.set(o)
			}
		}
	}
}

func (c *compiler) importSpec(s *ast.ImportSpec) {
	path, err := strconv.Unquote(s.Path.Value)
	if err != nil {
		fail(s, "bad import path")
	}
	full, err := c.s.pkg(path)
	if err != nil {
		fail(s.Path, "%v", err)
	}
	name := lastElement(full)
	if s.Name != nil {
		switch s.Name.Name {
		case ".":
			fail(s.Name, "import . is not supported by the console")
		case "_":
			return
		}
		name = s.Name.Name
	}
	c.scope.set(&object{kind: packageObject, name: name, path: full})
}

// typeDecls declares types, which may refer to each other.
func (c *compiler) typeDecls(specs []ast.Spec) {
	types := map[*ast.TypeSpec]*Type{}
	for _, sp := range specs {
		s := sp.(*ast.TypeSpec)
		c.redeclared(s.Name)
		if s.TypeParams != nil {
			c.scope.set(&object{kind: typeObject, name: s.Name.Name, gen: &generic{name: s.Name.Name, spec: s, scope: c.scope, made: map[string]*Type{}}})
			continue
		}
		if s.Assign.IsValid() {
			continue
		}
		t := c.u.declareType(s.Name.Name)
		types[s] = t
		c.scope.set(&object{kind: typeObject, name: s.Name.Name, typ: t})
	}
	for _, sp := range specs {
		s := sp.(*ast.TypeSpec)
		if s.Assign.IsValid() {
			c.scope.set(&object{kind: typeObject, name: s.Name.Name, typ: c.typeExpr(s.Type)})
		}
	}
	outer := c.declaring
	c.declaring = map[*Type]*ast.TypeSpec{}
	defer func() { c.declaring = outer }()
	for s, t := range types {
		c.declaring[t] = s
	}
	for _, sp := range specs {
		s := sp.(*ast.TypeSpec)
		if t := types[s]; t != nil && t.under == nil {
			c.setDeclared(s, t)
		}
	}
	for _, t := range types {
		if t.kind != reflect.Interface || t.under.union == nil {
			t.rtype()
		}
	}
}

func (c *compiler) setDeclared(s *ast.TypeSpec, t *Type) {
	delete(c.declaring, t)
	u := c.typeExpr(s.Type)
	if later := c.declaring[u]; later != nil {
		c.setDeclared(later, u)
	}
	for u.under != nil {
		u = u.under
	}
	if u.kind == reflect.Invalid {
		fail(s.Name, "invalid recursive type %s", s.Name.Name)
	}
	t.setUnder(u)
}

// typeExpr compiles a type.
func (c *compiler) typeExpr(n ast.Expr) *Type {
	c.enter(n)
	t := c.typeOfExpr(n)
	c.depth--
	return t
}

func (c *compiler) typeOfExpr(n ast.Expr) *Type {
	switch n := n.(type) {
	case *ast.ParenExpr:
		return c.typeExpr(n.X)
	case *ast.StarExpr:
		return c.u.pointer(c.typeExpr(n.X))
	case *ast.ArrayType:
		if n.Len == nil {
			return c.u.slice(c.typeExpr(n.Elt))
		}
		if _, open := n.Len.(*ast.Ellipsis); open {
			fail(n, "invalid use of [...] array (outside a composite literal)")
		}
		x := c.expr(n.Len)
		if !x.isConst() {
			fail(n.Len, "array length %s (%s) must be constant", n.Len, x)
		}
		k := c.constantIndex(x, -1)
		e := c.typeExpr(n.Elt)
		if k > maxElements {
			fail(n.Len, "an array of %d elements is too large for the console", k)
		}
		return c.u.array(int(k), e)
	case *ast.MapType:
		k, e := c.typeExpr(n.Key), c.typeExpr(n.Value)
		if (k.under != nil || k.declare == nil) && !k.comparable() {
			fail(n.Key, "invalid map key type %s", k)
		}
		return c.u.mapOf(k, e)
	case *ast.ChanType:
		dir := reflect.BothDir
		switch n.Dir {
		case ast.SEND:
			dir = reflect.SendDir
		case ast.RECV:
			dir = reflect.RecvDir
		}
		return c.u.chanOf(dir, c.typeExpr(n.Value))
	case *ast.FuncType:
		return c.funcType(n)
	case *ast.StructType:
		return c.structType(n)
	case *ast.InterfaceType:
		return c.interfaceType(n)
	case *ast.Ellipsis:
		fail(n, "invalid use of ...")
	}
	x := c.any(n, nil)
	if x.mode == genericMode {
		if x.generic.spec != nil {
			fail(n, "cannot use generic type %s without instantiation", x.name)
		}
	}
	if x.mode != typeMode {
		fail(n, "%s is not a type", n)
	}
	return x.typ
}

func (c *compiler) funcType(n *ast.FuncType) *Type {
	if n.TypeParams != nil {
		fail(n, "function type must have no type parameters")
	}
	var in, out []*Type
	variadic := false
	for i, f := range n.Params.List {
		e := f.Type
		var t *Type
		if dots, ok := e.(*ast.Ellipsis); ok {
			if i != len(n.Params.List)-1 || len(f.Names) > 1 {
				fail(dots, "can only use ... with final parameter in list")
			}
			variadic = true
			t = c.u.slice(c.typeExpr(dots.Elt))
		} else {
			t = c.typeExpr(e)
		}
		for range max(1, len(f.Names)) {
			in = append(in, t)
		}
	}
	if n.Results != nil {
		for _, f := range n.Results.List {
			t := c.typeExpr(f.Type)
			for range max(1, len(f.Names)) {
				out = append(out, t)
			}
		}
	}
	if len(in) > 100 {
		fail(n, "more than 100 parameters")
	}
	return c.u.function(in, out, variadic)
}

func (c *compiler) structType(n *ast.StructType) *Type {
	var fs []field
	seen := map[string]bool{}
	add := func(at ast.Node, f field) {
		if f.name != "_" && seen[f.name] {
			fail(at, "%s redeclared in this struct", f.name)
		}
		seen[f.name] = true
		fs = append(fs, f)
	}
	for _, f := range n.Fields.List {
		t := c.typeExpr(f.Type)
		tag := ""
		if f.Tag != nil {
			tag, _ = strconv.Unquote(f.Tag.Value)
		}
		for _, id := range f.Names {
			add(id, field{name: id.Name, typ: t, tag: tag})
		}
		if len(f.Names) == 0 {
			add(f, field{name: embeddedName(f.Type), typ: t, tag: tag, embedded: true})
		}
	}
	return c.u.structure(fs)
}

// embeddedName is the name of an embedded field.
func embeddedName(n ast.Expr) string {
	switch n := n.(type) {
	case *ast.Ident:
		return n.Name
	case *ast.SelectorExpr:
		return n.Sel.Name
	case *ast.StarExpr:
		return embeddedName(n.X)
	case *ast.ParenExpr:
		return embeddedName(n.X)
	case *ast.IndexExpr:
		return embeddedName(n.X)
	case *ast.IndexListExpr:
		return embeddedName(n.X)
	}
	fail(n, "invalid embedded field type %s", n)
	return ""
}

func (c *compiler) interfaceType(n *ast.InterfaceType) *Type {
	methods := map[string]*ifaceMethod{}
	var set *typeSet
	for _, f := range n.Methods.List {
		if len(f.Names) > 0 {
			t := c.funcType(f.Type.(*ast.FuncType))
			for _, id := range f.Names {
				if methods[id.Name] != nil {
					fail(id, "duplicate method %s", id.Name)
				}
				methods[id.Name] = &ifaceMethod{id.Name, t}
			}
			continue
		}
		if isUnion(f.Type) {
			set = set.and(c.union(f.Type))
			continue
		}
		t := c.typeExpr(f.Type)
		if later := c.declaring[t]; later != nil {
			c.setDeclared(later, t)
		}
		if t.kind == reflect.Invalid && t.untyped == typed {
			fail(f.Type, "invalid recursive type %s", t)
		}
		if !t.isInterface() {
			set = set.and(&typeSet{terms: []term{{typ: t}}})
			continue
		}
		for _, m := range t.base().methods {
			methods[m.name] = m
		}
		if t.base().union != nil {
			set = set.and(t.base().union)
		}
	}
	var l []*ifaceMethod
	for _, m := range methods {
		l = append(l, m)
	}
	sort.Slice(l, func(i, j int) bool { return l[i].name < l[j].name })
	return c.u.iface(l, set)
}
