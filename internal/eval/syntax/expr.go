package syntax

import (
	"go/ast"
	"go/token"
)

// expr parses an expression, or a type where one may stand.
//
//go:noinline
func (p *parser) expr() ast.Expr { return p.binary(token.LowestPrec + 1) }

func (p *parser) exprList() []ast.Expr {
	l := []ast.Expr{p.expr()}
	for p.got(token.COMMA) {
		l = append(l, p.expr())
	}
	return l
}

func (p *parser) binary(least int) ast.Expr {
	x := p.unary()
	for {
		op := p.tok
		prec := op.Precedence()
		if prec < least {
			return x
		}
		x = &ast.BinaryExpr{X: x, OpPos: p.take(), Op: op, Y: p.binary(prec + 1)}
	}
}

func (p *parser) unary() ast.Expr {
	p.enter()
	x := p.unaryExpr()
	p.depth--
	return x
}

func (p *parser) unaryExpr() ast.Expr {
	switch op := p.tok; op {
	case token.ADD, token.SUB, token.NOT, token.XOR, token.AND, token.TILDE:
		return &ast.UnaryExpr{OpPos: p.take(), Op: op, X: p.unary()}
	case token.MUL:
		return &ast.StarExpr{Star: p.take(), X: p.unary()}
	case token.ARROW:
		// <-chan T is a type, unless it goes on: <-chan T(x) receives.
		arrow := p.take()
		x := p.unary()
		if t, ok := x.(*ast.ChanType); ok {
			return p.receiveOnly(t, arrow)
		}
		return &ast.UnaryExpr{OpPos: arrow, Op: token.ARROW, X: x}
	}
	return p.primary()
}

// receiveOnly gives the arrow before a channel type to it. Its own one, if it has one,
// goes to its elements: <-chan<- chan T is <-chan (<-chan T).
func (p *parser) receiveOnly(t *ast.ChanType, arrow token.Pos) *ast.ChanType {
	switch t.Dir {
	case ast.RECV:
		p.fail(t.Begin, "expected 'chan'")
	case ast.SEND:
		in, ok := t.Value.(*ast.ChanType)
		if !ok {
			p.fail(t.Arrow, "expected channel type")
		}
		t.Value = p.receiveOnly(in, t.Arrow)
	}
	t.Begin, t.Arrow, t.Dir = arrow, arrow, ast.RECV
	return t
}

//go:noinline
func (p *parser) literal() *ast.BasicLit {
	x := &ast.BasicLit{ValuePos: p.pos, Kind: p.tok, Value: p.lit}
	p.next()
	return x
}

func (p *parser) operand() ast.Expr {
	switch p.tok {
	case token.IDENT:
		return p.ident()
	case token.INT, token.FLOAT, token.IMAG, token.CHAR, token.STRING:
		return p.literal()
	case token.LPAREN:
		x := &ast.ParenExpr{Lparen: p.take()}
		p.level++
		x.X = p.expr()
		p.level--
		x.Rparen = p.expect(token.RPAREN)
		return x
	case token.FUNC:
		t := p.funcType(p.take())
		if p.tok != token.LBRACE {
			return t
		}
		if p.trial {
			p.fail(p.pos, "function literal in the length of an array")
		}
		level := p.level
		p.level = 0
		x := &ast.FuncLit{Type: t, Body: p.block()}
		p.level = level
		return x
	}
	t := p.tryType()
	if t == nil {
		p.expected("operand")
	}
	return t
}

func (p *parser) primary() ast.Expr {
	x := p.operand()
	for links := 0; ; links++ {
		if links > maxDepth {
			p.fail(p.pos, "exceeded max nesting depth")
		}
		switch p.tok {
		case token.PERIOD:
			p.next()
			switch p.tok {
			case token.IDENT:
				x = &ast.SelectorExpr{X: x, Sel: p.ident()}
			case token.LPAREN:
				a := &ast.TypeAssertExpr{X: x, Lparen: p.take()}
				if !p.got(token.TYPE) {
					a.Type = p.typ()
				}
				a.Rparen = p.expect(token.RPAREN)
				x = a
			default:
				p.expected("selector or type assertion")
			}
		case token.LBRACK:
			x = p.index(x)
		case token.LPAREN:
			x = p.call(x)
		case token.LBRACE:
			if !p.literalType(x) {
				return x
			}
			x = p.composite(x)
		default:
			return x
		}
	}
}

// literalType says that { after x begins a composite literal of this type.
func (p *parser) literalType(x ast.Expr) bool {
	t := ast.Unparen(x)
	switch t.(type) {
	case *ast.Ident, *ast.SelectorExpr, *ast.IndexExpr, *ast.IndexListExpr:
		if p.level < 0 {
			return false
		}
	case *ast.ArrayType, *ast.StructType, *ast.MapType:
	default:
		return false
	}
	if t != x {
		p.fail(t.Pos(), "cannot parenthesize type in composite literal")
	}
	return true
}

// index parses x[i], x[i:j:k] and x[T…].
func (p *parser) index(x ast.Expr) ast.Expr {
	p.level++
	x = p.brackets(x)
	p.level--
	return x
}

func (p *parser) brackets(x ast.Expr) ast.Expr {
	open := p.take()
	if p.tok == token.RBRACK {
		p.expected("operand")
	}
	var parts [3]ast.Expr
	colons := 0
	if p.tok != token.COLON {
		parts[0] = p.expr()
	}
	if p.tok == token.COMMA {
		args := []ast.Expr{parts[0]}
		for p.got(token.COMMA) && p.tok != token.RBRACK {
			args = append(args, p.typ())
		}
		return indexed(x, open, args, p.closing(token.RBRACK, "type argument list"))
	}
	for colons < 2 && p.tok == token.COLON {
		at := p.take()
		colons++
		if p.tok != token.COLON && p.tok != token.RBRACK && p.tok != token.EOF {
			parts[colons] = p.expr()
		} else if colons == 2 {
			p.fail(at, "final index required in 3-index slice")
		} else if p.tok == token.COLON {
			p.fail(at, "middle index required in 3-index slice")
		}
	}
	end := p.expect(token.RBRACK)
	if colons == 0 {
		return indexed(x, open, parts[:1], end)
	}
	return &ast.SliceExpr{X: x, Lbrack: open, Low: parts[0], High: parts[1], Max: parts[2], Slice3: colons == 2, Rbrack: end}
}

func (p *parser) call(f ast.Expr) ast.Expr {
	x := &ast.CallExpr{Fun: f, Lparen: p.take()}
	p.level++
	for p.tok != token.RPAREN && !x.Ellipsis.IsValid() {
		x.Args = append(x.Args, p.expr())
		if p.tok == token.ELLIPSIS {
			x.Ellipsis = p.take()
		}
		if !p.got(token.COMMA) {
			break
		}
	}
	x.Rparen = p.closing(token.RPAREN, "argument list")
	p.level--
	return x
}

// composite parses the braces of a composite literal.
func (p *parser) composite(t ast.Expr) ast.Expr {
	p.enter()
	x := &ast.CompositeLit{Type: t, Lbrace: p.expect(token.LBRACE)}
	level := p.level
	p.level = 0
	for p.tok != token.RBRACE {
		e := p.element()
		if p.tok == token.COLON {
			e = &ast.KeyValueExpr{Key: e, Colon: p.take(), Value: p.element()}
		}
		x.Elts = append(x.Elts, e)
		if !p.got(token.COMMA) {
			break
		}
	}
	p.level = level
	x.Rbrace = p.closing(token.RBRACE, "composite literal")
	p.depth--
	return x
}

func (p *parser) element() ast.Expr {
	if p.tok == token.LBRACE {
		return p.composite(nil)
	}
	return p.expr()
}
