// Command helper looks at itself through the symbol index and prints what it
// sees, for the tests: a test binary has no debug information.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/internal/symbols/pclntab"
)

type item struct {
	Tags []string
	next *item
	when time.Time
}

type store struct {
	mu    sync.Mutex
	items map[int]*item
	hits  atomic.Int64
	wait  time.Duration
}

type pair[K comparable, V any] struct {
	key   K
	value V
	more  *pair[K, V]
}

type celsius float64

const boiling = 100

var (
	things  = &store{items: map[int]*item{3: {Tags: []string{"a", "b"}}}}
	plain   store
	counter int
	loose   struct {
		a, b int
		any  any
	}
	generic  pair[string, []byte]
	degrees  celsius
	callback func(a int, more ...string) (bool, error)
	array    [3]complex64
	nothing  struct{}
	queue    = make(chan<- *item, 2)
)

//go:noinline
func (s *store) order(n int, names ...string) (label string, err error) {
	s.hits.Add(int64(n))
	return fmt.Sprint(n, names), nil
}

//go:noinline
func mixed(a int8, f float32, s []string, c complex128, p pair[string, []byte]) (x [2]int, ok bool) {
	return [2]int{int(a), len(s) + int(f) + int(real(c)) + len(p.key)}, true
}

func inlined(a, b int) int { return a + b }

// verify compares the signatures of all functions with what the compiler noted.
func verify(x *symbols.Index) {
	table, err := pclntab.Open()
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	good, bad := 0, 0
	for _, path := range x.Packages() {
		for _, name := range x.Funcs(path) {
			f, err := x.Func(name)
			in, ok := table.Func(f.Entry)
			if err != nil || !ok || len(f.Params) == 0 || f.Dict || f.Closure || f.Wrapper || strings.Contains(name, "[") {
				continue
			}
			if err := f.Verify(in); err != nil {
				bad++
				fmt.Fprintln(os.Stderr, f.String(), err)
			} else {
				good++
			}
		}
	}
	f, _ := x.Func("main.mixed")
	in, _ := table.Func(f.Entry)
	f.Params[0], f.Params[1] = f.Params[1], f.Params[0]
	fmt.Println("verified", good > 1000, bad*100 < good, f.Verify(in))
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "wait" {
		os.Stdout.WriteString("ready\n")
		os.Stdin.Read(make([]byte, 1)) // the test replaces or deletes the file meanwhile
	}
	counter = inlined(counter, len(os.Args))
	mixed(1, 2, os.Args, 1i, generic)
	plain.order(counter)
	loose.any, degrees, array[0], nothing = things, boiling, 1i, struct{}{}
	callback = func(a int, more ...string) (bool, error) { return a > len(more), nil }
	queue <- things.items[3]
	x, err := symbols.Open(context.Background())
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	defer x.Close()
	for _, v := range []struct {
		name string
		addr unsafe.Pointer
	}{
		{"things", unsafe.Pointer(&things)}, {"plain", unsafe.Pointer(&plain)}, {"counter", unsafe.Pointer(&counter)},
		{"loose", unsafe.Pointer(&loose)}, {"generic", unsafe.Pointer(&generic)}, {"degrees", unsafe.Pointer(&degrees)},
		{"callback", unsafe.Pointer(&callback)}, {"array", unsafe.Pointer(&array)}, {"queue", unsafe.Pointer(&queue)},
	} {
		got, err := x.Var("main." + v.name)
		if err != nil {
			fmt.Println("error:", err)
			continue
		}
		fmt.Println("var", v.name, got.Addr == uintptr(v.addr), got.Type, got.Type.Kind(), got.Type.Size(), got.Type.Align())
		for _, f := range got.Type.Fields() {
			fmt.Println("field", v.name, f.Name, f.Type, f.Offset, f.Type.Size())
		}
		r, _, err := got.Type.Reflect()
		fmt.Println("reflect", v.name, r != nil && r.Size() == got.Type.Size(), err)
	}
	for _, name := range []string{"main.(*store).order", "main.mixed", "main.inlined", "fmt.Fprintln", "os.(*File).Read", "main.ordr", "ftm.Println", "strings.Cut", "File"} {
		f, err := x.Func(name)
		if err != nil {
			fmt.Println("error:", err)
			continue
		}
		fmt.Println("func", f.String(), f.Inlined(), f.Dict, f.Closure)
	}
	for _, name := range []string{"main.countr", "counter", "http.nothing", "main.", "", "a/b.c"} {
		_, err := x.Var(name)
		fmt.Println("error:", err)
	}
	c, err := x.Const("main.boiling")
	fmt.Println("const", c.Name, c.Value, err)
	t, err := x.Type("main.store")
	fmt.Println("type", t, err)
	fmt.Println("build id", x.BuildID() != "")
	verify(x)
}
