package pclntab

import (
	"reflect"
	"runtime"
	"testing"
)

//go:noinline
func here() (uintptr, string, int) {
	pc, file, line, _ := runtime.Caller(0)
	return pc, file, line
}

// TestOwn compares the answers for this very program with the runtime's.
func TestOwn(t *testing.T) {
	tab, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	tab.Funcs(func(f Func) bool {
		n++
		pc := f.Entry()
		if pc == f.Next() {
			return true // C's second names for the next one
		}
		rf := runtime.FuncForPC(pc)
		if rf == nil {
			t.Fatalf("runtime knows no function at %#x, we %s", pc, f.Name())
		}
		if rf.Entry() != pc {
			t.Errorf("%s: entry %#x, runtime %#x", f.Name(), pc, rf.Entry())
		}
		// The runtime has no name for the function whose name comes first in the table.
		if fs := f.Frames(pc); Display(fs[0].Name) != rf.Name() && rf.Name() != "" {
			t.Errorf("frames at entry of %s: %+v, runtime %s", f.Name(), fs, rf.Name())
		}
		file, line := rf.FileLine(pc)
		if file == "?" {
			file = ""
		}
		if f.File(pc) != file || f.Line(pc) != line {
			t.Errorf("%s: %s:%d, runtime %s:%d", f.Name(), f.File(pc), f.Line(pc), file, line)
		}
		if end := f.End(); end <= pc || end > f.Next() {
			t.Errorf("%s: [%#x,%#x) next %#x", f.Name(), pc, end, f.Next())
		}
		if g, ok := tab.Func(f.End() - 1); !ok || g != f {
			t.Errorf("Func(end-1 of %s) = %s", f.Name(), g.Name())
		}
		return true
	})
	if n != tab.Len() || n < 1000 {
		t.Fatalf("%d functions, Len %d", n, tab.Len())
	}
	pc, file, line := here()
	f, ok := tab.Lookup("github.com/ispyd/ispyd/internal/symbols/pclntab.here")
	if !ok || f.Entry() != reflect.ValueOf(here).Pointer() {
		t.Fatalf("Lookup(here) = %s %#x", f.Name(), f.Entry())
	}
	if f.File(pc-1) != file || f.Line(pc-1) != line {
		t.Errorf("%s:%d, want %s:%d", f.File(pc-1), f.Line(pc-1), file, line)
	}
}
