package eval

import (
	"go/ast"
	"reflect"

	"github.com/ispyd/ispyd/internal/eval/constant"
)

type objectKind uint8

const (
	varObject objectKind = iota
	constObject
	typeObject
	packageObject
	builtinObject
	funcObject
	genericObject
	nilObject
)

// object is what a name stands for.
type object struct {
	kind   objectKind
	name   string
	typ    *Type
	val    constant.Value
	ctx    *funcContext // the function whose variable it is
	slot   int
	global reflect.Value // the variable itself, of the session's top level or the program
	fn     *function
	loose  bool // see operand
	own    bool // see operand
	gen    *generic
	path   string // of a package
}

// scope maps names to objects.
type scope struct {
	up    *scope
	names map[string]*object
}

func (s *scope) find(name string) *object {
	for ; s != nil; s = s.up {
		if o := s.names[name]; o != nil {
			return o
		}
	}
	return nil
}

//go:noinline
func (s *scope) set(o *object) {
	if s.names == nil {
		s.names = map[string]*object{}
	}
	s.names[o.name] = o
}

// funcContext is what the compiler knows of the function that it compiles.
type funcContext struct {
	up           *funcContext
	slots        int
	captures     []capture
	captured     map[*object]int
	results      []*Type
	namedResults bool
	deferred     bool           // there is a defer
	labels       map[string]int // numbers of labels
	defined      map[string]bool
	lists        []*list
	loops        []loop
	left         map[*ast.BlockStmt]bool // bodies that a break leaves
	top          bool
}

type capture struct{ outer, inner int }

type loop struct {
	label      string
	continuing bool
	body       *ast.BlockStmt // of the statement
}

//go:noinline
func (c *funcContext) slot() int {
	c.slots++
	return c.slots - 1
}

// reach returns the slot in which c finds a variable of a function around it.
func (c *funcContext) reach(o *object) int {
	if o.ctx == c {
		return o.slot
	}
	if i, ok := c.captured[o]; ok {
		return i
	}
	outer := c.up.reach(o)
	if c.captured == nil {
		c.captured = map[*object]int{}
	}
	i := c.slot()
	c.captured[o] = i
	c.captures = append(c.captures, capture{outer, i})
	return i
}
