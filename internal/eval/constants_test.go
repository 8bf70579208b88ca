package eval

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/internal/eval/constant"
)

// TestConstants compares the constant expressions of one and two operands, of all
// kinds, with what go/types makes of them: value, type, and whether it is an error.
func TestConstants(t *testing.T) {
	operands := []string{"true", "(1==1)", `"a"`, `""`, "0", "1", "7", "1<<70", "'x'", "'\\x00'", "0.0", "2.5", "1.0", "2i", "0i", "nil",
		"b", "s", "i", "u8", "r", "f", "z", "named", "true == b", "int8(-3)", "uint8(200)", "float32(1.5)", "string('a')", "complex64(1)"}
	decls := "const (b = true; s = \"k\"; i int = 5; u8 uint8 = 3; r rune = 'r'; f float64 = 1.5; z complex128 = 2i); type Name string; const named Name = \"n\""
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", "package main\n"+decls, 0)
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := new(types.Config).Check("main", fset, []*ast.File{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	sess := open(t, Options{})
	if _, err := sess.Eval(t.Context(), decls); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, x := range operands {
		for _, op := range []string{"!", "-", "+", "^"} {
			all = append(all, op+"("+x+")")
		}
		for _, y := range operands {
			for _, op := range strings.Fields("+ - * / % & | ^ &^ << >> && || == != < <= > >=") {
				all = append(all, "("+x+") "+op+" ("+y+")")
			}
		}
	}
	// rune is a name of int32, and named types of a session are those of main.
	names, typeNames := strings.NewReplacer("rune)", "int32)", "rune and", "int32 and", "untyped rune", "untyped rune", "Name", "main.Name"), strings.NewReplacer("untyped rune", "untyped rune", "rune", "int32")
	for _, src := range all {
		want, werr := types.Eval(fset, pkg, token.NoPos, src)
		var got *operand
		e, err := parseExpr(src)
		if err == nil {
			err = sess.quietly(func(c *compiler) { got = c.any(e, nil) })
		}
		switch {
		case (err != nil) != (werr != nil):
			t.Errorf("%s: %v, go/types says %v", src, err, werr)
		case err != nil:
			if _, text, ok := strings.Cut(werr.Error(), "mismatched types"); ok && !strings.HasSuffix(err.Error(), names.Replace(text)) {
				t.Errorf("%s: %v, go/types says %v", src, err, werr)
			}
		case want.Value != nil && (got.val == nil || got.val.String() != want.Value.String() && got.val.Kind() < constant.Float || got.typ.String() != typeNames.Replace(want.Type.String())):
			t.Errorf("%s: %v, go/types says %v of type %v", src, got.describe(), want.Value, want.Type)
		}
	}
}
