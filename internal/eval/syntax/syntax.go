// Package syntax parses Go as a session takes it: statements, and between them the
// declarations that otherwise stand outside of functions only.
//
// The tree is that of go/ast. go/parser would do, but it comes with the means to go on
// after an error, to keep comments and to resolve names, which nobody here asks for:
// they are two thirds of its code, and the program has to carry them.
package syntax

import (
	"fmt"
	"go/ast"
	"go/token"
)

// Error is the first thing that is wrong with a source.
type Error struct {
	Pos  token.Pos
	Text string
}

func (e *Error) Error() string { return e.Text }

// Parse parses what stands at the top of a request: statements, and declarations of
// functions and imports. The position of a byte is its offset plus base.
func Parse(src string, base token.Pos) (stmts []ast.Stmt, decls []ast.Decl, err error) {
	err = parse(src, base, func(p *parser) {
		for p.tok != token.EOF {
			if p.tok == token.IMPORT || p.tok == token.FUNC && p.funcDeclNext() {
				decls = append(decls, p.topDecl())
				continue
			}
			if p.tok == token.RBRACE {
				p.fail(p.pos, "unexpected }")
			}
			stmts = append(stmts, p.stmt())
		}
	})
	return stmts, decls, err
}

// ParseExpr parses an expression or a type.
func ParseExpr(src string, base token.Pos) (x ast.Expr, err error) {
	err = parse(src, base, func(p *parser) {
		x = p.expr()
		p.semicolon()
		if p.tok != token.EOF {
			p.expected("end of input")
		}
	})
	return x, err
}

// ExprList is several expressions as a statement, which only a request may have: they
// are shown.
type ExprList struct {
	ast.EmptyStmt
	List []ast.Expr
}

type parser struct {
	scanner
	// level is negative in the head of an if, for or switch, where { begins its
	// block rather than a composite literal, outside of parentheses.
	level int
	depth int
	// trial is set where a bracket is tried as that of an array. No function stands
	// there, which could have more trials in it: each would double the work.
	trial bool
}

// maxDepth is how deep a source may nest, which is what the stack has to bear.
const maxDepth = 10_000

func parse(src string, base token.Pos, f func(*parser)) error {
	p := &parser{scanner: scanner{src: src, base: base}}
	return try(func() {
		p.next()
		f(p)
	})
}

// try runs f, and returns what it failed with.
func try(f func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Error:
			err = r
		default:
			panic(r)
		}
	}()
	f()
	return nil
}

// enter counts a level of nesting.
//
//go:noinline
func (p *parser) enter() {
	if p.depth++; p.depth > maxDepth {
		p.fail(p.pos, "exceeded max nesting depth")
	}
}

// expected fails: something else than the current token was due.
//
//go:noinline
func (p *parser) expected(what string) { p.fail(p.pos, "expected "+what+", found "+p.found()) }

// found is the current token, for an error.
func (p *parser) found() string {
	switch {
	case p.atEnd():
		return "end of input"
	case p.tok == token.SEMICOLON && p.lit == "\n":
		return "newline"
	case p.tok.IsLiteral():
		return p.lit
	}
	return "'" + p.tok.String() + "'"
}

// atEnd says that nothing follows that somebody typed.
func (p *parser) atEnd() bool {
	return p.tok == token.EOF || p.tok == token.SEMICOLON && p.lit == "\n" && p.off >= len(p.src)
}

// expect takes a token, and returns where it was.
func (p *parser) expect(tok token.Token) token.Pos {
	switch {
	case p.tok == tok:
	case tok == token.IDENT:
		p.expected("a name")
	default:
		p.expected("'" + tok.String() + "'")
	}
	return p.take()
}

// closing is expect of what ends a list, the last line of which often lacks its comma.
func (p *parser) closing(tok token.Token, list string) token.Pos {
	if p.atEnd() {
		p.expected("'" + tok.String() + "'")
	}
	if p.tok == token.SEMICOLON && p.lit == "\n" {
		p.fail(p.pos, "missing ',' before newline in "+list)
	}
	if p.tok != tok {
		p.fail(p.pos, fmt.Sprintf("missing ',' in %s", list))
	}
	return p.take()
}

// take goes on to the next token, and returns where the current one was.
//
//go:noinline
func (p *parser) take() token.Pos {
	pos := p.pos
	p.next()
	return pos
}

// got takes a token if it is the current one.
//
//go:noinline
func (p *parser) got(tok token.Token) bool {
	if p.tok != tok {
		return false
	}
	p.next()
	return true
}

// semicolon takes the end of a statement.
func (p *parser) semicolon() {
	switch p.tok {
	case token.RPAREN, token.RBRACE, token.EOF:
	case token.SEMICOLON:
		p.next()
	default:
		p.expected("';'")
	}
}
