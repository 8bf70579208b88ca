package syntax

import (
	"go/ast"
	"go/token"
	"strconv"
)

// funcDeclNext tells, at func, a declaration from a literal: func name( and
// func (r T) name( are declarations.
func (p *parser) funcDeclNext() bool {
	mark := p.scanner
	defer func() { p.scanner = mark }()
	p.next()
	if p.tok == token.IDENT {
		return true
	}
	depth := 0
	for p.tok != token.EOF {
		switch p.tok {
		case token.LPAREN:
			depth++
		case token.RPAREN:
			depth--
		}
		p.next()
		if depth <= 0 {
			break
		}
	}
	if !p.got(token.IDENT) {
		return false
	}
	return p.tok == token.LPAREN || p.tok == token.LBRACK
}

// topDecl parses the declaration of a function or of imports.
func (p *parser) topDecl() (d ast.Decl) {
	if p.tok == token.IMPORT {
		d = p.genDecl()
	} else {
		d = p.funcDecl()
	}
	p.semicolon()
	return d
}

func (p *parser) funcDecl() *ast.FuncDecl {
	d := &ast.FuncDecl{Type: &ast.FuncType{Func: p.take()}}
	if p.tok == token.LPAREN {
		d.Recv = p.params(token.LPAREN, token.RPAREN)
	}
	d.Name = p.ident()
	if p.tok == token.LBRACK {
		if d.Recv != nil {
			p.fail(p.pos, "method must have no type parameters")
		}
		d.Type.TypeParams = p.params(token.LBRACK, token.RBRACK)
	}
	p.signature(d.Type)
	if p.tok == token.LBRACE {
		d.Body = p.block()
	} else if p.tok == token.SEMICOLON {
		at := p.pos
		mark := p.scanner
		if p.next(); p.tok == token.LBRACE {
			p.fail(at, "unexpected semicolon or newline before {")
		}
		p.scanner = mark
	}
	return d
}

// genDecl parses declarations of constants, types, variables or imports.
func (p *parser) genDecl() *ast.GenDecl {
	d := &ast.GenDecl{TokPos: p.pos, Tok: p.tok}
	p.next()
	if p.tok != token.LPAREN {
		d.Specs = []ast.Spec{p.spec(d.Tok)}
		return d
	}
	d.Lparen = p.take()
	for p.tok != token.RPAREN && p.tok != token.EOF {
		d.Specs = append(d.Specs, p.spec(d.Tok))
		p.semicolon()
	}
	d.Rparen = p.expect(token.RPAREN)
	return d
}

// spec parses one declaration, of a group or by itself.
func (p *parser) spec(tok token.Token) ast.Spec {
	switch tok {
	case token.IMPORT:
		return p.importSpec()
	case token.TYPE:
		return p.typeSpec()
	}
	s := &ast.ValueSpec{Names: []*ast.Ident{p.ident()}}
	for p.got(token.COMMA) {
		s.Names = append(s.Names, p.ident())
	}
	if tok == token.CONST {
		s.Type = p.tryType()
	} else if p.tok != token.ASSIGN {
		s.Type = p.typ()
	}
	if p.got(token.ASSIGN) {
		s.Values = p.exprList()
	}
	return s
}

func (p *parser) importSpec() ast.Spec {
	s := &ast.ImportSpec{}
	switch p.tok {
	case token.IDENT:
		s.Name = p.ident()
	case token.PERIOD:
		s.Name = &ast.Ident{NamePos: p.take(), Name: "."}
	}
	if p.tok != token.STRING {
		p.fail(p.pos, "missing import path; require quoted string")
	}
	s.Path = p.literal()
	if path, err := strconv.Unquote(s.Path.Value); err != nil || path == "" {
		p.fail(s.Path.Pos(), "invalid import path: "+s.Path.Value)
	}
	return s
}

func (p *parser) typeSpec() ast.Spec {
	s := &ast.TypeSpec{Name: p.ident()}
	if p.tok == token.LBRACK {
		if s.Type = p.arrayNext(); s.Type != nil {
			return s
		}
		s.TypeParams = p.params(token.LBRACK, token.RBRACK)
	}
	if p.tok == token.ASSIGN {
		s.Assign = p.take()
	}
	s.Type = p.typ()
	return s
}

// arrayNext parses, after the name of a type, an array or slice type; nil where the
// bracket begins type parameters. [P *T] is taken for a length, as the language wants.
func (p *parser) arrayNext() ast.Expr {
	mark := p.scanner
	open := p.take()
	switch p.tok {
	case token.RBRACK, token.ELLIPSIS:
	case token.IDENT:
		var length ast.Expr
		level, depth := p.level, p.depth
		p.trial = true
		err := try(func() {
			length = p.length()
			if p.tok != token.RBRACK {
				p.expected("']'")
			}
		})
		p.level, p.depth, p.trial = level, depth, false
		if err != nil || isConstraint(length) {
			p.scanner = mark
			return nil
		}
		return p.array(open, length)
	}
	p.scanner = mark
	return p.typ()
}

// isConstraint says that an expression can be part of a constraint only.
func isConstraint(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.ArrayType, *ast.StructType, *ast.FuncType, *ast.InterfaceType, *ast.MapType, *ast.ChanType:
		return true
	case *ast.BinaryExpr:
		return isConstraint(x.X) || isConstraint(x.Y)
	case *ast.UnaryExpr:
		return x.Op == token.TILDE || isConstraint(x.X)
	case *ast.ParenExpr:
		return isConstraint(x.X)
	}
	return false
}
