package eval

import (
	"go/ast"
	"reflect"
)

// composite compiles T{…}; hint is the type where it is left out.
func (c *compiler) composite(n *ast.CompositeLit, hint *Type) *operand {
	t := hint
	if n.Type != nil {
		open := false
		if a, ok := n.Type.(*ast.ArrayType); ok {
			if _, open = a.Len.(*ast.Ellipsis); open {
				t = c.u.array(c.literalLength(n), c.typeExpr(a.Elt))
			}
		}
		if !open {
			t = c.typeExpr(n.Type)
		}
	}
	if t == nil {
		fail(n, "invalid composite literal: missing type")
	}
	if n.Type == nil && t.kind == reflect.Pointer {
		inner := c.composite(n, t.base().elem)
		g, rt := inner.get, t.rtype()
		return c.value(n, t, func(f *frame) reflect.Value { return pointerTo(copyOf(g(f)), rt) })
	}
	switch t.kind {
	case reflect.Struct:
		return c.structLit(n, t)
	case reflect.Map:
		return c.mapLit(n, t)
	case reflect.Slice, reflect.Array:
		return c.listLit(n, t)
	}
	fail(n, "invalid composite literal type %s", t)
	return nil
}

func (c *compiler) structLit(n *ast.CompositeLit, t *Type) *operand {
	b := t.base()
	type init struct {
		i int
		g get
	}
	var list []init
	seen := map[int]bool{}
	for i, e := range n.Elts {
		kv, keyed := e.(*ast.KeyValueExpr)
		if keyed {
			id, ok := kv.Key.(*ast.Ident)
			i = -1
			if ok {
				for j, f := range b.fields {
					if f.name == id.Name {
						i = j
					}
				}
			}
			if i < 0 {
				fail(kv.Key, "unknown field %s in struct literal of type %s", kv.Key, t)
			}
			if seen[i] {
				fail(kv.Key, "duplicate field name %s in struct literal", id.Name)
			}
			seen[i] = true
			e = kv.Value
		} else if len(seen) > 0 {
			fail(e, "mixture of field:value and value elements in struct literal")
		} else if i >= len(b.fields) {
			fail(e, "too many values in struct literal of type %s", t)
		}
		ft := b.fields[i].typ
		list = append(list, init{i, c.to(c.exprHint(e, ft), ft, "struct literal").get})
	}
	if len(seen) == 0 && len(n.Elts) > 0 && len(n.Elts) < len(b.fields) {
		fail(n, "too few values in struct literal of type %s", t)
	}
	rt := t.rtype()
	return c.value(n, t, func(f *frame) reflect.Value {
		v := reflect.New(rt).Elem()
		for _, x := range list {
			t.fieldAt(v, x.i).Set(x.g(f))
		}
		return v
	})
}

func (c *compiler) mapLit(n *ast.CompositeLit, t *Type) *operand {
	b := t.base()
	var keys, elems []get
	seen := map[string]bool{}
	for _, e := range n.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			fail(e, "missing key in map literal")
		}
		k := c.to(c.exprHint(kv.Key, b.key), b.key, "map literal")
		if k.isConst() && !b.key.isInterface() {
			if s := k.val.ExactString(); seen[s] {
				fail(kv.Key, "duplicate key %s in map literal", kv.Key)
			} else {
				seen[s] = true
			}
		}
		keys = append(keys, k.get)
		elems = append(elems, c.to(c.exprHint(kv.Value, b.elem), b.elem, "map literal").get)
	}
	rt := t.rtype()
	s := c.s
	return c.value(n, t, func(f *frame) reflect.Value {
		m := reflect.MakeMapWithSize(rt, len(keys))
		s.owns(m)
		for i := range keys {
			m.SetMapIndex(f.th.ev.mapKey(keys[i](f)), elems[i](f))
		}
		return m
	})
}

// mapKey refuses what cannot be hashed, in Go's words.
func (ev *evaluation) mapKey(k reflect.Value) reflect.Value {
	ev.checkNesting(k)
	if k.Kind() == reflect.Interface && !k.IsNil() && !k.Elem().Comparable() {
		throw("hash of unhashable type %s", k.Elem().Type())
	}
	return k
}

// literalLength counts the elements of [...]T{…}.
func (c *compiler) literalLength(n *ast.CompositeLit) int {
	next, most := 0, 0
	for _, e := range n.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			next = int(c.literalIndex(kv.Key))
		}
		next++
		most = max(most, next)
	}
	return most
}

func (c *compiler) literalIndex(n ast.Expr) int64 {
	k := c.expr(n)
	if !k.isConst() {
		fail(n, "index %s must be integer constant", n)
	}
	i := c.constantIndex(k, -1)
	if i > maxElements {
		fail(n, "index %d is too large for the console", i)
	}
	return i
}

const maxElements = 1 << 24

func (c *compiler) listLit(n *ast.CompositeLit, t *Type) *operand {
	b := t.base()
	var list []get
	var at []int
	next, most := 0, 0
	seen := map[int]bool{}
	for _, e := range n.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			next = int(c.literalIndex(kv.Key))
			e = kv.Value
		}
		if seen[next] {
			fail(e, "duplicate index %d in array or slice literal", next)
		}
		seen[next] = true
		list = append(list, c.to(c.exprHint(e, b.elem), b.elem, "array or slice literal").get)
		at = append(at, next)
		next++
		most = max(most, next)
	}
	if t.kind == reflect.Array && most > b.length {
		fail(n, "index %d out of bounds [0:%d]", most-1, b.length)
	}
	rt := t.rtype()
	et := b.elem.rtype()
	return c.value(n, t, func(f *frame) reflect.Value {
		v := reflect.New(rt).Elem()
		if t.kind == reflect.Slice {
			v.Set(reflect.MakeSlice(rt, most, most))
		}
		for i, g := range list {
			retype(v.Index(at[i]), et).Set(g(f))
		}
		return v
	})
}
