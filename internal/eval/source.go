package eval

import (
	"go/ast"
	"go/token"
	"strings"
)

// sourceOf is an expression as it was written, cut where it is long.
func sourceOf(n ast.Node) string {
	if _, ok := n.(nodeAt); ok || n == nil {
		return ""
	}
	s := text(n, 0)
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:57], "") + "…"
	}
	return s
}

// text writes an expression; go/printer would be a fifth of this package's size.
func text(n ast.Node, depth int) string {
	if depth > 20 {
		return "…"
	}
	w := sourceWriter{depth: depth + 1}
	switch n := n.(type) {
	case *ast.Ident:
		return n.Name
	case *ast.BasicLit:
		return n.Value
	case *ast.FuncLit:
		return "func literal"
	case *ast.CompositeLit:
		return w.join(n.Type, "{…}")
	case *ast.ParenExpr:
		return w.join("(", n.X, ")")
	case *ast.SelectorExpr:
		return w.join(n.X, ".", n.Sel)
	case *ast.IndexExpr:
		return w.join(n.X, "[", n.Index, "]")
	case *ast.IndexListExpr:
		return w.join(n.X, "[", n.Indices, "]")
	case *ast.SliceExpr:
		if n.Slice3 {
			return w.join(n.X, "[", n.Low, ":", n.High, ":", n.Max, "]")
		}
		return w.join(n.X, "[", n.Low, ":", n.High, "]")
	case *ast.TypeAssertExpr:
		if n.Type == nil {
			return w.join(n.X, ".(type)")
		}
		return w.join(n.X, ".(", n.Type, ")")
	case *ast.CallExpr:
		dots := ""
		if n.Ellipsis.IsValid() {
			dots = "..."
		}
		return w.join(n.Fun, "(", n.Args, dots, ")")
	case *ast.StarExpr:
		return w.join("*", n.X)
	case *ast.UnaryExpr:
		return w.join(n.Op, n.X)
	case *ast.BinaryExpr:
		return w.join(n.X, " ", n.Op, " ", n.Y)
	case *ast.KeyValueExpr:
		return w.join(n.Key, ": ", n.Value)
	case *ast.ArrayType:
		return w.join("[", n.Len, "]", n.Elt)
	case *ast.Ellipsis:
		return w.join("...", n.Elt)
	case *ast.MapType:
		return w.join("map[", n.Key, "]", n.Value)
	case *ast.ChanType:
		return w.join("chan ", n.Value)
	case *ast.FuncType:
		return "func(…)"
	case *ast.StructType:
		return "struct{…}"
	case *ast.InterfaceType:
		return "interface{…}"
	}
	return "expression"
}

// sourceWriter writes the parts of an expression, which is depth - 1 deep.
type sourceWriter struct{ depth int }

// join joins strings, tokens, expressions and lists of expressions.
func (w sourceWriter) join(parts ...any) string {
	s := ""
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			s += p
		case token.Token:
			s += p.String()
		case ast.Expr:
			s += text(p, w.depth)
		case []ast.Expr:
			for i, e := range p {
				if i > 0 {
					s += ", "
				}
				if i == 20 {
					s += "…"
					break
				}
				s += text(e, w.depth)
			}
		}
	}
	return s
}

// endsIn says that a list ends with a terminating statement, as the language defines
// it: execution cannot fall out of it. The list must have been compiled.
func (c *compiler) endsIn(l []ast.Stmt) bool { return len(l) > 0 && c.terminating(l[len(l)-1]) }

func (c *compiler) terminating(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.ReturnStmt:
		return true
	case *ast.BranchStmt:
		return s.Tok == token.GOTO || s.Tok == token.FALLTHROUGH
	case *ast.ExprStmt:
		if call, ok := ast.Unparen(s.X).(*ast.CallExpr); ok {
			id, ok := call.Fun.(*ast.Ident)
			return ok && id.Name == "panic"
		}
	case *ast.BlockStmt:
		return c.endsIn(s.List)
	case *ast.IfStmt:
		return s.Else != nil && c.endsIn(s.Body.List) && c.terminating(s.Else)
	case *ast.ForStmt:
		return s.Cond == nil && !c.ctx.left[s.Body]
	case *ast.LabeledStmt:
		return c.terminating(s.Stmt)
	case *ast.SwitchStmt:
		return c.clausesEnd(s.Body, true)
	case *ast.TypeSwitchStmt:
		return c.clausesEnd(s.Body, true)
	case *ast.SelectStmt:
		return c.clausesEnd(s.Body, false)
	}
	return false
}

func (c *compiler) clausesEnd(b *ast.BlockStmt, needsDefault bool) bool {
	if c.ctx.left[b] {
		return false
	}
	found := !needsDefault
	for _, s := range b.List {
		var body []ast.Stmt
		switch s := s.(type) {
		case *ast.CaseClause:
			body = s.Body
			found = found || s.List == nil
		case *ast.CommClause:
			body = s.Body
		}
		if !c.endsIn(body) {
			return false
		}
	}
	return found
}

func lastElement(path string) string {
	name := path[strings.LastIndexByte(path, '/')+1:]
	// math/rand/v2 is package rand.
	if len(name) > 1 && name[0] == 'v' && strings.Trim(name[1:], "0123456789") == "" && strings.Contains(path, "/") {
		rest := strings.TrimSuffix(path, "/"+name)
		return rest[strings.LastIndexByte(rest, '/')+1:]
	}
	return name
}
