package eval

import (
	"go/ast"
	"go/printer"
	"go/token"
	"strings"
)

// sourceOf is an expression as it was written, cut where it is long.
func sourceOf(n ast.Node) string {
	if _, ok := n.(nodeAt); ok || n == nil {
		return ""
	}
	if _, ok := n.(*ast.FuncLit); ok {
		return "func literal"
	}
	var b strings.Builder
	if err := printer.Fprint(&b, token.NewFileSet(), n); err != nil {
		return "expression"
	}
	s := strings.Join(strings.Fields(b.String()), " ")
	if len(s) > 60 {
		s = s[:57] + "…"
	}
	return s
}

// terminates says that a block ends with a terminating statement, as the language
// defines it: execution cannot fall out of it.
func (c *compiler) terminates(b *ast.BlockStmt) bool {
	return len(b.List) > 0 && terminating(b.List[len(b.List)-1], "")
}

func terminating(s ast.Stmt, label string) bool {
	list := func(l []ast.Stmt) bool { return len(l) > 0 && terminating(l[len(l)-1], "") }
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
		return list(s.List)
	case *ast.IfStmt:
		return s.Else != nil && list(s.Body.List) && terminating(s.Else, "")
	case *ast.ForStmt:
		return s.Cond == nil && !breaksOut(s.Body, label)
	case *ast.LabeledStmt:
		return terminating(s.Stmt, s.Label.Name)
	case *ast.SwitchStmt:
		return clausesTerminate(s.Body, label, true)
	case *ast.TypeSwitchStmt:
		return clausesTerminate(s.Body, label, true)
	case *ast.SelectStmt:
		return clausesTerminate(s.Body, label, false)
	}
	return false
}

func clausesTerminate(b *ast.BlockStmt, label string, needsDefault bool) bool {
	if breaksOut(b, label) {
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
		if len(body) == 0 || !terminating(body[len(body)-1], "") {
			return false
		}
	}
	return found
}

// breaksOut says that a break in b leaves the statement whose body it is.
func breaksOut(b ast.Node, label string) bool {
	found := false
	var walk func(n ast.Node, nested bool)
	walk = func(n ast.Node, nested bool) {
		ast.Inspect(n, func(m ast.Node) bool {
			switch m := m.(type) {
			case *ast.FuncLit:
				return false
			case *ast.BranchStmt:
				if m.Tok == token.BREAK && (m.Label == nil && !nested || m.Label != nil && m.Label.Name == label) {
					found = true
				}
			case *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
				if m != n && !nested {
					walk(m, true)
					return false
				}
			}
			return !found
		})
	}
	walk(b, false)
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
