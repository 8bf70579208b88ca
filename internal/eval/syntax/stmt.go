package syntax

import (
	"fmt"
	"go/ast"
	"go/token"
)

func (p *parser) block() *ast.BlockStmt {
	p.enter()
	b := &ast.BlockStmt{Lbrace: p.expect(token.LBRACE)}
	b.List = p.stmtList()
	b.Rbrace = p.expect(token.RBRACE)
	p.depth--
	return b
}

func (p *parser) stmtList() (l []ast.Stmt) {
	for p.tok != token.CASE && p.tok != token.DEFAULT && p.tok != token.RBRACE && p.tok != token.EOF {
		l = append(l, p.stmt())
	}
	return l
}

// stmt parses a statement with its end.
func (p *parser) stmt() ast.Stmt {
	p.enter()
	s := p.statement()
	p.depth--
	return s
}

func (p *parser) statement() ast.Stmt {
	var s ast.Stmt
	switch p.tok {
	case token.CONST, token.TYPE, token.VAR:
		s = &ast.DeclStmt{Decl: p.genDecl()}
	case token.GO:
		s = &ast.GoStmt{Go: p.take(), Call: p.callOf("go")}
	case token.DEFER:
		s = &ast.DeferStmt{Defer: p.take(), Call: p.callOf("defer")}
	case token.RETURN:
		r := &ast.ReturnStmt{Return: p.take()}
		if p.tok != token.SEMICOLON && p.tok != token.RBRACE && p.tok != token.EOF {
			r.Results = p.exprList()
		}
		s = r
	case token.BREAK, token.CONTINUE, token.GOTO, token.FALLTHROUGH:
		b := &ast.BranchStmt{TokPos: p.pos, Tok: p.tok}
		p.next()
		if b.Tok == token.GOTO || b.Tok != token.FALLTHROUGH && p.tok == token.IDENT {
			b.Label = p.ident()
		}
		s = b
	case token.LBRACE:
		s = p.block()
	case token.IF:
		s = p.ifStmt()
	case token.SWITCH:
		s = p.switchStmt()
	case token.SELECT:
		s = p.selectStmt()
	case token.FOR:
		s = p.forStmt()
	case token.SEMICOLON:
		s = &ast.EmptyStmt{Semicolon: p.pos, Implicit: p.lit == "\n"}
		p.next()
		return s
	case token.RBRACE, token.EOF:
		return &ast.EmptyStmt{Semicolon: p.pos, Implicit: true} // of a label
	case token.CASE, token.DEFAULT, token.ELSE, token.IMPORT, token.PACKAGE, token.RANGE, token.RPAREN, token.RBRACK,
		token.COMMA, token.COLON, token.PERIOD, token.ELLIPSIS, token.ASSIGN, token.DEFINE, token.INC, token.DEC:
		p.expected("statement")
	default:
		s = p.simple(true, false)
		if _, ok := s.(*ast.LabeledStmt); ok {
			return s
		}
	}
	p.semicolon()
	return s
}

// simple parses a statement that may stand in the head of another. What is ranged over
// is a unary expression of the operator range.
func (p *parser) simple(label, ranges bool) ast.Stmt {
	pos := p.pos
	if ranges && p.tok == token.RANGE {
		x := &ast.UnaryExpr{OpPos: p.take(), Op: token.RANGE, X: p.expr()}
		return &ast.AssignStmt{Rhs: []ast.Expr{x}}
	}
	l := p.exprList()
	switch tok := p.tok; {
	case tok == token.DEFINE || tok == token.ASSIGN || tok >= token.ADD_ASSIGN && tok <= token.AND_NOT_ASSIGN:
		s := &ast.AssignStmt{Lhs: l, Tok: tok, TokPos: p.take()}
		if ranges && p.tok == token.RANGE && (tok == token.DEFINE || tok == token.ASSIGN) {
			s.Rhs = []ast.Expr{&ast.UnaryExpr{OpPos: p.take(), Op: token.RANGE, X: p.expr()}}
		} else {
			s.Rhs = p.exprList()
		}
		return s
	case len(l) > 1:
		if p.depth == 1 && (p.tok == token.SEMICOLON || p.tok == token.EOF) {
			return &ExprList{EmptyStmt: ast.EmptyStmt{Semicolon: pos}, List: l}
		}
		p.fail(pos, "expected 1 expression")
	case tok == token.COLON && label:
		if id, ok := l[0].(*ast.Ident); ok {
			return &ast.LabeledStmt{Label: id, Colon: p.take(), Stmt: p.stmt()}
		}
		p.fail(p.pos, "illegal label declaration")
	case tok == token.ARROW:
		return &ast.SendStmt{Chan: l[0], Arrow: p.take(), Value: p.expr()}
	case tok == token.INC || tok == token.DEC:
		return &ast.IncDecStmt{X: l[0], Tok: tok, TokPos: p.take()}
	}
	return &ast.ExprStmt{X: l[0]}
}

// callOf parses the call of a go or defer statement.
func (p *parser) callOf(what string) *ast.CallExpr {
	x := p.expr()
	call, ok := ast.Unparen(x).(*ast.CallExpr)
	if !ok {
		p.fail(x.Pos(), fmt.Sprintf("expression in %s must be function call", what))
	}
	if ast.Expr(call) != x {
		p.fail(x.Pos(), fmt.Sprintf("expression in %s must not be parenthesized", what))
	}
	return call
}

// condition is the expression that a statement in a head consists of.
func (p *parser) condition(s ast.Stmt, what string) ast.Expr {
	if s == nil {
		return nil
	}
	if x, ok := s.(*ast.ExprStmt); ok {
		return x.X
	}
	found := "simple statement"
	if _, ok := s.(*ast.AssignStmt); ok {
		found = "assignment"
	}
	p.fail(s.Pos(), fmt.Sprintf("expected %s, found %s (missing parentheses around composite literal?)", what, found))
	return nil
}

// head parses init; cond of an if or switch; either may be nil.
func (p *parser) head(what string) (init, cond ast.Stmt) {
	level := p.level
	p.level = -1
	if p.tok != token.SEMICOLON && p.tok != token.LBRACE {
		if p.tok == token.VAR {
			p.fail(p.pos, "var declaration not allowed in "+what+" initializer")
		}
		cond = p.simple(false, false)
	}
	if p.tok == token.SEMICOLON {
		at, written := p.pos, p.lit
		p.next()
		init, cond = cond, nil
		switch {
		case p.tok != token.LBRACE:
			cond = p.simple(false, false)
		case what == "if" && written == "\n":
			p.fail(at, "unexpected newline, expecting { after if clause")
		case what == "if":
			p.fail(at, "missing condition in if statement")
		}
	}
	p.level = level
	return init, cond
}

func (p *parser) ifStmt() ast.Stmt {
	p.enter()
	s := &ast.IfStmt{If: p.take()}
	if p.tok == token.LBRACE {
		p.fail(p.pos, "missing condition in if statement")
	}
	var cond ast.Stmt
	s.Init, cond = p.head("if")
	s.Cond = p.condition(cond, "boolean expression")
	s.Body = p.block()
	if p.got(token.ELSE) {
		switch p.tok {
		case token.IF:
			s.Else = p.ifStmt()
		case token.LBRACE:
			s.Else = p.block()
		default:
			p.expected("if statement or block")
		}
	}
	p.depth--
	return s
}

func (p *parser) forStmt() ast.Stmt {
	pos := p.take()
	level := p.level
	p.level = -1
	var parts [3]ast.Stmt
	if p.tok != token.LBRACE {
		if p.tok != token.SEMICOLON {
			parts[1] = p.simple(false, true)
			if a, ok := parts[1].(*ast.AssignStmt); ok {
				if x, ok := a.Rhs[0].(*ast.UnaryExpr); ok && x.Op == token.RANGE {
					p.level = level
					return p.rangeStmt(pos, a, x)
				}
			}
		}
		if p.tok == token.SEMICOLON {
			if p.lit == "\n" {
				p.fail(p.pos, "unexpected newline, expecting { after for clause")
			}
			p.next()
			parts[0], parts[1] = parts[1], nil
			if p.tok != token.SEMICOLON {
				if p.tok == token.LBRACE {
					p.fail(p.pos, "expected for loop condition")
				}
				parts[1] = p.simple(false, false)
			}
			if p.tok != token.SEMICOLON {
				p.expected("';'")
			}
			p.next()
			if p.tok != token.LBRACE {
				parts[2] = p.simple(false, false)
			}
		}
	}
	p.level = level
	s := &ast.ForStmt{For: pos, Init: parts[0], Cond: p.condition(parts[1], "boolean or range expression"), Post: parts[2]}
	s.Body = p.block()
	return s
}

// rangeStmt parses the body of for a range x.
func (p *parser) rangeStmt(pos token.Pos, a *ast.AssignStmt, x *ast.UnaryExpr) ast.Stmt {
	s := &ast.RangeStmt{For: pos, TokPos: a.TokPos, Tok: a.Tok, Range: x.OpPos, X: x.X}
	switch len(a.Lhs) {
	case 0:
	case 2:
		s.Value = a.Lhs[1]
		fallthrough
	case 1:
		s.Key = a.Lhs[0]
	default:
		p.fail(a.Lhs[len(a.Lhs)-1].Pos(), "expected at most 2 expressions")
	}
	s.Body = p.block()
	return s
}

func (p *parser) switchStmt() ast.Stmt {
	pos := p.take()
	init, tag := p.head("switch")
	body := p.clauses(func() ast.Stmt {
		c := &ast.CaseClause{Case: p.pos}
		if p.got(token.CASE) {
			c.List = p.exprList()
		} else {
			p.expect(token.DEFAULT)
		}
		c.Colon = p.expect(token.COLON)
		c.Body = p.stmtList()
		return c
	})
	if p.typeGuard(tag) {
		return &ast.TypeSwitchStmt{Switch: pos, Init: init, Assign: tag, Body: body}
	}
	return &ast.SwitchStmt{Switch: pos, Init: init, Tag: p.condition(tag, "switch expression"), Body: body}
}

func (p *parser) clauses(clause func() ast.Stmt) *ast.BlockStmt {
	b := &ast.BlockStmt{Lbrace: p.expect(token.LBRACE)}
	for p.tok == token.CASE || p.tok == token.DEFAULT {
		b.List = append(b.List, clause())
	}
	b.Rbrace = p.expect(token.RBRACE)
	return b
}

// typeGuard says that the tag of a switch is x.(type) or v := x.(type).
func (p *parser) typeGuard(s ast.Stmt) bool {
	var x ast.Expr
	switch s := s.(type) {
	case *ast.ExprStmt:
		x = s.X
	case *ast.AssignStmt:
		if len(s.Lhs) != 1 || len(s.Rhs) != 1 {
			return false
		}
		x = s.Rhs[0]
	}
	a, ok := x.(*ast.TypeAssertExpr)
	if !ok || a.Type != nil {
		return false
	}
	if s, ok := s.(*ast.AssignStmt); ok {
		if s.Tok != token.DEFINE {
			p.fail(s.TokPos, "expected ':=', found '"+s.Tok.String()+"'")
		}
		if _, ok := s.Lhs[0].(*ast.Ident); !ok {
			p.fail(s.Pos(), "expected a name on the left side of :=")
		}
	}
	return true
}

func (p *parser) selectStmt() ast.Stmt {
	s := &ast.SelectStmt{Select: p.take()}
	s.Body = p.clauses(func() ast.Stmt {
		c := &ast.CommClause{Case: p.pos}
		if p.got(token.CASE) {
			c.Comm = p.simple(false, false)
			p.checkComm(c.Comm)
		} else {
			p.expect(token.DEFAULT)
		}
		c.Colon = p.expect(token.COLON)
		c.Body = p.stmtList()
		return c
	})
	return s
}

// checkComm refuses what is neither send nor receive.
func (p *parser) checkComm(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.SendStmt, *ast.ExprStmt:
		return
	case *ast.AssignStmt:
		switch {
		case len(s.Lhs) > 2:
			p.fail(s.Pos(), "expected 1 or 2 expressions")
		case len(s.Rhs) != 1:
			p.fail(s.Rhs[0].Pos(), "expected 1 expression")
		case s.Tok == token.DEFINE || s.Tok == token.ASSIGN:
			return
		}
	}
	p.fail(s.Pos(), "expected a send or a receive")
}
