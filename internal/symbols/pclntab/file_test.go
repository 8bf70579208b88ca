package pclntab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func build(t testing.TB, args ...string) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "program")
	cmd := exec.Command("go", append(append([]string{"build", "-o", exe}, args...), "./testdata/program")...)
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	if slices.Contains(args, "-ldflags=-linkmode=external") {
		cmd.Env = append(cmd.Env, "CGO_ENABLED=1")
		if _, err := exec.LookPath("gcc"); err != nil {
			t.Skip(err)
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return exe
}

// TestFile compares what programs read of themselves with what their files say.
func TestFile(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("runs the program")
	}
	for _, mode := range []string{"", "-buildmode=pie", "-ldflags=-s -w", "-gcflags=all=-N -l", "-trimpath", "-ldflags=-linkmode=external"} {
		t.Run(mode, func(t *testing.T) {
			var args []string
			if mode != "" {
				args = []string{mode}
			}
			exe := build(t, args...)
			own, err := exec.Command(exe).Output()
			if err != nil {
				t.Fatalf("%v %s", err, own)
			}
			tab, err := OpenFile(exe)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			tab.Funcs(func(f Func) bool {
				fmt.Fprintf(&b, "%s %#x %d %d %d %d %s:%d\n", f.Name(), f.Entry()-tab.Module().Text, f.End()-f.Entry(), f.Args(), f.FrameSize(), f.Flag(), f.File(f.Entry()), f.Line(f.Entry()))
				return true
			})
			if b.String() != string(own) || tab.Len() < 1000 {
				t.Errorf("%d functions differ from the program's own", tab.Len())
			}
			if strings.Contains(mode, "-N") {
				return
			}
			inlining(t, tab)
		})
	}
}

func inlining(t *testing.T, tab *Table) {
	const outer = "main.(*number).outer"
	f, ok := tab.Lookup(outer)
	if !ok || f.Args() != 16 || f.FuncID() != 0 || f.Flag() != 0 || f.StartLine() != 14 {
		t.Fatalf("%s: %v, args %d, id %d, flag %d, line %d", outer, ok, f.Args(), f.FuncID(), f.Flag(), f.StartLine())
	}
	if _, ok := tab.Lookup("main.inlined"); ok {
		t.Error("main.inlined has code")
	}
	if into := tab.InlinedInto("main.inlined"); len(into) != 1 || into[0] != f {
		t.Errorf("main.inlined is in %v", into)
	}
	if into := tab.InlinedInto("main.nothing"); into != nil {
		t.Errorf("main.nothing is in %v", into)
	}
	var names []string
	f.Inlines(func(n string) bool { names = append(names, n); return true })
	slices.Sort(names)
	if !slices.Equal(names, []string{"main.inlined", "main.inlined", "main.inlinedOnce"}) {
		t.Errorf("inlined into %s: %v", outer, names)
	}
	deepest := 0
	for pc := f.Entry(); pc < f.End(); pc++ {
		fs := f.Frames(pc)
		deepest = max(deepest, len(fs))
		if last := fs[len(fs)-1]; last.Name != outer || last.Inlined {
			t.Fatalf("frames: %+v", fs)
		}
		if len(fs) == 3 && (fs[0].Name != "main.inlined" || fs[0].Line != 16 || fs[1].Name != "main.inlinedOnce" || fs[1].Line != 18 || fs[2].Line != 14) {
			t.Errorf("frames: %+v", fs)
		}
	}
	if deepest != 3 {
		t.Errorf("at most %d frames", deepest)
	}
	if g, ok := tab.Lookup("main.generic[go.shape.int]"); !ok || Display(g.Name()) != "main.generic[...]" {
		t.Errorf("generic: %v %q", ok, g.Name())
	}
}

func TestFileErrors(t *testing.T) {
	if _, err := OpenFile(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no file")
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFile(text); err == nil {
		t.Error("a text")
	}
}

// FuzzTable damages the table: answers may be wrong, but come.
func FuzzTable(f *testing.F) {
	f.Add(uint32(100), uint32(0xffffffff), uint32(3))
	f.Add(uint32(44), uint32(0x7fffffff), uint32(1000))
	var tab *Table
	f.Fuzz(func(t *testing.T, at, value, every uint32) {
		if tab == nil {
			var err error
			if tab, err = OpenFile(build(t)); err != nil {
				t.Fatal(err)
			}
		}
		bad := *tab
		for _, b := range []*[]byte{&bad.funcs, &bad.pcs, &bad.data, &bad.units, &bad.names} {
			*b = slices.Clone(*b)
			for i := uint64(at); i+4 < uint64(len(*b)); i += 4*uint64(every) + 4 {
				(*b)[i], (*b)[i+1], (*b)[i+2], (*b)[i+3] = byte(value), byte(value>>8), byte(value>>16), byte(value>>24)
			}
		}
		n := 0
		bad.Funcs(func(f Func) bool {
			f.Name()
			f.End()
			f.FrameSize()
			f.FuncData(int(at % 8))
			f.Frames(f.Entry() + uintptr(value%64))
			f.Inlines(func(string) bool { return true })
			n++
			return n < 300
		})
	})
}
