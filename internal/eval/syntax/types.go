package syntax

import (
	"go/ast"
	"go/token"
)

//go:noinline
func (p *parser) ident() *ast.Ident {
	id := &ast.Ident{NamePos: p.pos, Name: p.lit}
	p.expect(token.IDENT)
	return id
}

// typ parses a type.
func (p *parser) typ() ast.Expr {
	t := p.tryType()
	if t == nil {
		p.expected("type")
	}
	return t
}

// tryType parses a type, nil where there is none.
func (p *parser) tryType() ast.Expr {
	p.enter()
	t := p.anyType()
	p.depth--
	return t
}

func (p *parser) anyType() ast.Expr {
	switch p.tok {
	case token.IDENT:
		return p.typeName(p.ident())
	case token.LBRACK:
		open := p.take()
		if p.got(token.RBRACK) {
			return &ast.ArrayType{Lbrack: open, Elt: p.typ()}
		}
		return p.array(open, p.length())
	case token.STRUCT:
		return p.structType()
	case token.MUL:
		return &ast.StarExpr{Star: p.take(), X: p.typ()}
	case token.FUNC:
		return p.funcType(p.take())
	case token.INTERFACE:
		return p.interfaceType()
	case token.MAP:
		t := &ast.MapType{Map: p.take()}
		p.expect(token.LBRACK)
		t.Key = p.typ()
		p.expect(token.RBRACK)
		t.Value = p.typ()
		return t
	case token.CHAN:
		t := &ast.ChanType{Begin: p.take(), Dir: ast.SEND | ast.RECV}
		if p.tok == token.ARROW {
			t.Arrow, t.Dir = p.take(), ast.SEND
		}
		t.Value = p.typ()
		return t
	case token.ARROW:
		arrow := p.take()
		t := &ast.ChanType{Begin: arrow, Arrow: arrow, Dir: ast.RECV}
		p.expect(token.CHAN)
		t.Value = p.typ()
		return t
	case token.LPAREN:
		t := &ast.ParenExpr{Lparen: p.take(), X: p.typ()}
		t.Rparen = p.expect(token.RPAREN)
		return t
	}
	return nil
}

// typeName parses what follows the first name of a type: its package's member, its
// type arguments.
func (p *parser) typeName(x ast.Expr) ast.Expr {
	if p.got(token.PERIOD) {
		x = &ast.SelectorExpr{X: x, Sel: p.ident()}
	}
	if p.tok != token.LBRACK {
		return x
	}
	open := p.take()
	p.level++
	args := p.typeList()
	p.level--
	return indexed(x, open, args, p.closing(token.RBRACK, "type argument list"))
}

func (p *parser) typeList() (l []ast.Expr) {
	for {
		l = append(l, p.typ())
		if !p.got(token.COMMA) || p.tok == token.RBRACK {
			return l
		}
	}
}

// indexed is x[args…].
//
//go:noinline
func indexed(x ast.Expr, open token.Pos, args []ast.Expr, end token.Pos) ast.Expr {
	if len(args) == 1 {
		return &ast.IndexExpr{X: x, Lbrack: open, Index: args[0], Rbrack: end}
	}
	return &ast.IndexListExpr{X: x, Lbrack: open, Indices: args, Rbrack: end}
}

// length parses the length of an array.
func (p *parser) length() ast.Expr {
	if p.tok == token.ELLIPSIS {
		return &ast.Ellipsis{Ellipsis: p.take()}
	}
	p.level++
	x := p.expr()
	p.level--
	return x
}

func (p *parser) array(open token.Pos, length ast.Expr) *ast.ArrayType {
	p.expect(token.RBRACK)
	return &ast.ArrayType{Lbrack: open, Len: length, Elt: p.typ()}
}

// nameOrType parses what begins with a name and may go on with [: a name with an array
// or slice type, or a generic type. t is nil where there is but the name.
func (p *parser) nameOrType(name *ast.Ident) (id *ast.Ident, t ast.Expr) {
	open := p.take()
	if p.got(token.RBRACK) {
		return name, &ast.ArrayType{Lbrack: open, Elt: p.typ()}
	}
	if p.tok == token.ELLIPSIS {
		return name, p.array(open, p.length())
	}
	p.level++
	args := []ast.Expr{p.expr()}
	for p.got(token.COMMA) && p.tok != token.RBRACK {
		args = append(args, p.typ())
	}
	p.level--
	end := p.expect(token.RBRACK)
	if len(args) == 1 {
		if e := p.tryType(); e != nil {
			return name, &ast.ArrayType{Lbrack: open, Len: args[0], Elt: e}
		}
	}
	return nil, indexed(name, open, args, end)
}

func (p *parser) structType() *ast.StructType {
	t := &ast.StructType{Struct: p.take(), Fields: &ast.FieldList{}}
	t.Fields.Opening = p.expect(token.LBRACE)
	for p.tok != token.RBRACE {
		f := &ast.Field{}
		switch p.tok {
		case token.IDENT:
			name := p.ident()
			switch p.tok {
			case token.PERIOD, token.STRING, token.SEMICOLON, token.RBRACE:
				f.Type = p.typeName(name)
			case token.LBRACK:
				id, t := p.nameOrType(name)
				if f.Type = t; id != nil {
					f.Names = []*ast.Ident{id}
				}
			default:
				f.Names = []*ast.Ident{name}
				for p.got(token.COMMA) {
					f.Names = append(f.Names, p.ident())
				}
				f.Type = p.typ()
			}
		case token.MUL:
			star := p.take()
			if p.tok == token.LPAREN {
				p.fail(p.pos, "cannot parenthesize embedded type")
			}
			f.Type = &ast.StarExpr{Star: star, X: p.typeName(p.ident())}
		case token.LPAREN:
			p.fail(p.pos, "cannot parenthesize embedded type")
		default:
			p.expected("field name or embedded type")
		}
		if p.tok == token.STRING {
			f.Tag = p.literal()
		}
		p.semicolon()
		t.Fields.List = append(t.Fields.List, f)
	}
	t.Fields.Closing = p.expect(token.RBRACE)
	return t
}

func (p *parser) interfaceType() *ast.InterfaceType {
	t := &ast.InterfaceType{Interface: p.take(), Methods: &ast.FieldList{}}
	t.Methods.Opening = p.expect(token.LBRACE)
	for p.tok != token.RBRACE {
		f := &ast.Field{}
		if mark := p.scanner; p.tok == token.IDENT {
			name := p.ident()
			if p.tok == token.LPAREN {
				f.Names, f.Type = []*ast.Ident{name}, p.funcType(token.NoPos)
			} else {
				p.scanner = mark
			}
		}
		if f.Type == nil {
			f.Type = p.constraint()
		}
		p.semicolon()
		t.Methods.List = append(t.Methods.List, f)
	}
	t.Methods.Closing = p.expect(token.RBRACE)
	return t
}

// constraint parses a union of terms.
func (p *parser) constraint() ast.Expr {
	term := func() ast.Expr {
		if p.tok == token.TILDE {
			return &ast.UnaryExpr{OpPos: p.take(), Op: token.TILDE, X: p.typ()}
		}
		t := p.tryType()
		if t == nil {
			p.expected("~ term or type")
		}
		return t
	}
	x := term()
	for p.tok == token.OR {
		x = &ast.BinaryExpr{X: x, OpPos: p.take(), Op: token.OR, Y: term()}
	}
	return x
}

// funcType parses the signature of a function.
func (p *parser) funcType(pos token.Pos) *ast.FuncType {
	if p.tok == token.LBRACK {
		what := "function type"
		if !pos.IsValid() {
			what = "interface method"
		}
		p.fail(p.pos, what+" must have no type parameters")
	}
	t := &ast.FuncType{Func: pos}
	p.signature(t)
	return t
}

func (p *parser) signature(t *ast.FuncType) {
	t.Params = p.params(token.LPAREN, token.RPAREN)
	if p.tok == token.LPAREN {
		t.Results = p.params(token.LPAREN, token.RPAREN)
	} else if r := p.tryType(); r != nil {
		t.Results = &ast.FieldList{List: []*ast.Field{{Type: r}}}
	}
}

// params parses parameters, of a function in parentheses or of a type in brackets.
// They are all named or all types, which shows at the end of the list only.
func (p *parser) params(open, end token.Token) *ast.FieldList {
	list := &ast.FieldList{Opening: p.expect(open)}
	generic := open == token.LBRACK
	type param struct {
		name *ast.Ident
		typ  ast.Expr
	}
	var l []param
	named := 0
	for p.tok != end {
		var x param
		switch {
		case p.tok != token.IDENT:
			x.typ = p.paramType(generic)
		default:
			name := p.ident()
			switch {
			case p.tok == token.COMMA || p.tok == end:
				x.typ = name
			case p.tok == token.PERIOD:
				x.typ = p.typeName(name)
			case p.tok == token.LBRACK && !generic:
				x.name, x.typ = p.nameOrType(name)
			default:
				x.name, x.typ = name, p.paramType(generic)
			}
		}
		if x.name != nil {
			named++
		}
		l = append(l, x)
		if !p.got(token.COMMA) {
			break
		}
	}
	what := "parameter list"
	if generic {
		what = "type parameter list"
		if len(l) == 0 {
			p.fail(p.pos, "empty type parameter list")
		}
	}
	list.Closing = p.closing(end, what)
	if named == 0 && !generic {
		for _, x := range l {
			list.List = append(list.List, &ast.Field{Type: x.typ})
		}
		return list
	}
	// Names without a type have that of the next which has one.
	f := &ast.Field{}
	for _, x := range l {
		if x.name == nil {
			id, ok := x.typ.(*ast.Ident)
			if !ok {
				p.fail(x.typ.Pos(), "missing "+what[:len(what)-len(" list")]+" name")
			}
			f.Names = append(f.Names, id)
			continue
		}
		f.Names, f.Type = append(f.Names, x.name), x.typ
		list.List = append(list.List, f)
		f = &ast.Field{}
	}
	if len(f.Names) > 0 {
		if generic {
			p.fail(list.Closing, "missing type constraint")
		}
		p.fail(list.Closing, "missing parameter type")
	}
	return list
}

func (p *parser) paramType(generic bool) ast.Expr {
	if generic {
		return p.constraint()
	}
	if p.tok == token.ELLIPSIS {
		return &ast.Ellipsis{Ellipsis: p.take(), Elt: p.typ()}
	}
	return p.typ()
}
