package postmortem

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"reflect"
	"regexp"
	"strings"

	"github.com/go-delve/delve/pkg/proc"
	"github.com/go-delve/delve/service/api"

	"github.com/ispyd/ispyd/internal/minicore"
)

// Texts of values that are not there.
const (
	optimisedOut = "<optimised out>"
	notCaptured  = "<not captured>"
)

// value is a variable or an expression, as it is shown.
type value struct {
	Name string `json:"name,omitempty"`
	Type string `json:"type"`
	// Value is in Go's syntax, or one of the texts in angle brackets.
	Value string `json:"value"`
	// Doubt says why the value may be wrong, "" where it is sure.
	Doubt string `json:"doubt,omitempty"`
}

// How much of a value is shown: one of many, and one that was asked for.
var (
	brief = proc.LoadConfig{FollowPointers: true, MaxVariableRecurse: 1, MaxStringLen: 64, MaxArrayValues: 16, MaxStructFields: 32}
	full  = proc.LoadConfig{FollowPointers: true, MaxVariableRecurse: 3, MaxStringLen: 4096, MaxArrayValues: 128, MaxStructFields: -1, MaxMapBuckets: 4096}
	names = proc.LoadConfig{MaxStringLen: 1, MaxArrayValues: 1, MaxStructFields: 1}
)

// scope is where the frame's variables are.
func (d *dead) scope(frame int) *proc.EvalScope {
	return proc.FrameToScope(d.target, d.target.Memory(), d.g, d.thread.ThreadID(), d.frames[frame:]...)
}

// inRegister matches a location that is, or of which a part is, a register other
// than those that every frame has. Go's functions save no registers for their
// callers: in a frame that has called, what was in one is gone.
var inRegister = regexp.MustCompile(`DW_OP_(reg|breg)`)

// nowhere matches the location of a variable of which a part is in no place.
var nowhere = regexp.MustCompile(`(\] |DW_OP_piece 0x[0-9a-f]+ )DW_OP_piece`)

// registers says whether the integer registers of a frame are known: of the
// innermost one of an error's return, of an index out of bounds, or of a core of the
// kernel's.
func (d *dead) registers(frame int) bool {
	return frame == 0 && (!d.ours || d.info.Registers)
}

// gone says whether a variable's value is in no memory of the core.
func (d *dead) gone(frame int, v *proc.Variable) bool {
	where := ""
	if v.LocationExpr != nil {
		where = v.LocationExpr.String()
	}
	switch {
	case nowhere.MatchString(where):
		return true
	case v.Unreadable != nil:
		return isGone(v.Unreadable)
	}
	return inRegister.MatchString(where) && (!d.registers(frame) || d.ours && strings.Contains(where, "(XMM"))
}

// isGone recognises what Delve says of a variable that has no location here.
func isGone(err error) bool {
	said := err.Error()
	return strings.Contains(said, "could not find loclist entry") || strings.Contains(said, "empty OP stack") ||
		strings.Contains(said, "optimized out") || strings.Contains(said, "no location")
}

// isMissing recognises memory that the core has not.
func isMissing(err error) bool {
	said := err.Error()
	return strings.Contains(said, "did not match any regions") || strings.Contains(said, "short read") || strings.Contains(said, "spliced memory")
}

// unreadable is the text for a value that is not there.
func unreadable(err error) string {
	switch {
	case isGone(err):
		return optimisedOut
	case isMissing(err):
		return notCaptured
	}
	return "<unreadable: " + err.Error() + ">"
}

// show renders a value. The frame is the one that it is a variable of, -1 for
// none.
func (d *dead) show(v *proc.Variable, frame int, wide bool) value {
	out := value{Name: v.Name, Type: v.TypeString()}
	if frame >= 0 && d.gone(frame, v) {
		out.Value = optimisedOut
		return out
	}
	if v.Unreadable != nil {
		out.Value = unreadable(v.Unreadable)
		return out
	}
	say(v, 0)
	if wide {
		out.Value = api.ConvertVar(v).StringWithOptions("", "", api.PrettyNewlines)
	} else {
		out.Value = api.ConvertVar(v).SinglelineString()
	}
	// Delve's words for what it has no value of.
	out.Value = missing.ReplaceAllString(out.Value, "<$1>")
	if out.Value == "" {
		out.Value = notCaptured
	}
	if frame >= 0 && d.ours && d.info.Kind == minicore.KindPanic && !scalar(v.Kind) && v.LocationExpr != nil && inRegister.MatchString(v.LocationExpr.String()) {
		out.Doubt = "it was in a register: what it points to may have been freed"
	}
	if frame >= 0 && v.Flags&proc.VariableReturnArgument != 0 {
		out.Doubt = "a result, which may not have been set yet"
	}
	return out
}

// scalar says that a value points to nothing.
func scalar(k reflect.Kind) bool { return k >= reflect.Bool && k <= reflect.Complex128 }

var missing = regexp.MustCompile(`\(unreadable (optimised out|not captured)\)`)

// say puts our words where parts of a value are not there.
func say(v *proc.Variable, depth int) {
	if v.Unreadable != nil {
		switch text := unreadable(v.Unreadable); text {
		case optimisedOut, notCaptured:
			v.Unreadable = errors.New(strings.Trim(text, "<>"))
		}
	}
	if depth > 20 {
		return
	}
	for i := range v.Children {
		say(&v.Children[i], depth+1)
	}
}

// variables are a frame's arguments or locals.
func (d *dead) variables(frame int, arguments bool, cfg proc.LoadConfig) (list []*proc.Variable, err error) {
	err = guard("the frame", func() error {
		if d.frames[frame].Call.Fn == nil {
			return errors.New("this frame is of no Go function")
		}
		if arguments {
			list, err = d.scope(frame).FunctionArguments(cfg)
		} else {
			list, err = d.scope(frame).LocalVariables(cfg)
		}
		return err
	})
	return list, err
}

// evaluate evaluates an expression of Delve's in a frame.
func (d *dead) evaluate(frame int, expr string, cfg proc.LoadConfig) (*proc.Variable, error) {
	if err := d.usable(frame, expr); err != nil {
		return nil, err
	}
	var v *proc.Variable
	err := guard(expr, func() (err error) {
		v, err = d.scope(frame).EvalExpression(expr, cfg)
		if err == nil && v == nil {
			err = errors.New("no value")
		}
		return err
	})
	if err != nil {
		return nil, d.explain(frame, expr, err)
	}
	return v, nil
}

// goneError is an expression that needs a variable whose value is gone.
type goneError struct{ name string }

func (e *goneError) Error() string { return e.name + " is " + optimisedOut }

// usable fails where an expression uses a variable whose value is gone: Delve
// would calculate with what is in a register now.
func (d *dead) usable(frame int, expr string) error {
	tree, err := parser.ParseExpr(expr)
	if err != nil {
		return nil // Delve says what is wrong, or knows it as something of its own
	}
	used := map[string]bool{}
	var collect func(ast.Node)
	collect = func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr: // what is selected is no variable
				collect(n.X)
				return false
			case *ast.Ident:
				used[n.Name] = true
			}
			return true
		})
	}
	collect(tree)
	_, alone := tree.(*ast.Ident)
	if alone {
		return nil // it is shown as such
	}
	for _, arguments := range []bool{true, false} {
		list, err := d.variables(frame, arguments, names)
		if err != nil {
			return nil
		}
		for _, v := range list {
			if used[v.Name] && v.Flags&proc.VariableShadowed == 0 && d.gone(frame, v) {
				return &goneError{v.Name}
			}
		}
	}
	return nil
}

// explain says of an expression's error what is wrong, and what would be right.
func (d *dead) explain(frame int, expr string, err error) error {
	name, missing := strings.CutPrefix(err.Error(), "could not find symbol value for ")
	// Of a.b, where nothing is called a, it says that there is no symbol a.b.
	if symbol, ok := strings.CutPrefix(err.Error(), "could not find symbol "); ok && !missing {
		name, _, _ = strings.Cut(symbol, ".")
		return fmt.Errorf("%s: no variable of this frame is called %s, and no package%s", expr, name, d.near(frame, name))
	}
	switch {
	case isGone(err):
		return &goneError{expr}
	case isMissing(err):
		return fmt.Errorf("%s: the memory that it is in was not captured", expr)
	case missing:
		return fmt.Errorf("%s: no variable of this frame is called so, and no package%s", expr, d.near(frame, name))
	}
	return fmt.Errorf("%s: %w", expr, err)
}
