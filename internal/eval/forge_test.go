package eval

import (
	"encoding/json"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// TestForged looks at types of the session as code of the program does: by reflection.
func TestForged(t *testing.T) {
	s := open(t, Options{})
	if _, err := s.Eval(t.Context(), `
type Shape interface { Area() float64 }
type Celsius float64
type Node struct { Val Celsius; Next *Node; Kids map[string]Node; In []Shape }
type Tree []Tree
type State func(int) State
type A struct { B *B }
type B struct { As []A; C chan A }
type Key struct { S string; I Shape }
n := Node{1.5, &Node{Val: 2}, map[string]Node{"k": {Val: 3}}, nil}
tree := Tree{{}, {{}}}
var step State; step = func(i int) State { return step }
ab := A{&B{As: []A{{}}}}
keys := map[Key]int{{"a", nil}: 1}
`); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	for name, want := range map[string]string{"n": "main.Node", "tree": "main.Tree", "step": "main.State", "ab": "main.A", "keys": "map[main.Key]int"} {
		v := s.top.names[name].global
		if got := v.Type().String(); got != want {
			t.Errorf("%s: %s", name, got)
		}
		if rt := v.Type(); rt.NumMethod() != 0 || rt.PkgPath() != "" || rt.Name() != strings.TrimPrefix(want, "main.") && rt.Kind() != reflect.Map {
			t.Errorf("%s: %s, %d methods, package %q", name, rt.Name(), rt.NumMethod(), rt.PkgPath())
		}
	}
	b, err := json.Marshal(s.top.names["n"].global.Interface())
	if want := `{"Val":1.5,"Next":{"Val":2,"Next":null,"Kids":null,"In":null},"Kids":{"k":{"Val":3,"Next":null,"Kids":null,"In":null}},"In":null}`; err != nil || string(b) != want {
		t.Errorf("%s, %v", b, err)
	}
	tree := s.top.names["tree"].global.Type()
	if tree.Elem() != tree || tree.Comparable() {
		t.Errorf("%v of %v", tree, tree.Elem())
	}
	step := s.top.names["step"].global.Type()
	if step.Out(0) != step || step.In(0).Kind() != reflect.Int {
		t.Errorf("%v returns %v", step, step.Out(0))
	}
	n := s.top.names["n"].global
	shape := n.FieldByName("In").Type().Elem()
	if shape.Kind() != reflect.Interface || shape.String() != "main.Shape" {
		t.Error(shape)
	}
	if !reflect.DeepEqual(n.Interface(), n.Interface()) {
		t.Error("a value does not equal itself")
	}
	keys := s.top.names["keys"].global
	if got := keys.MapIndex(keys.MapKeys()[0]); got.Int() != 1 {
		t.Error(got)
	}
}
