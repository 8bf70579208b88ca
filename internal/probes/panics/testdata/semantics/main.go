// Command semantics writes down what a program sees of its panics: without the
// hook, with it, and without it again, which must be the same.
//
//	semantics            the suite, three times
//	semantics stress     the same, with collections all the while
//	semantics fatal NAME [hook]   ends in a way of its own
package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/ispyd/ispyd/internal/probes/jump"
	"github.com/ispyd/ispyd/internal/probes/panics"
)

// transcript is what the suite sees, and what the hook does.
type transcript struct {
	mu   sync.Mutex
	b    strings.Builder
	hook []string
}

func (t *transcript) printf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(&t.b, format+"\n", args...)
}

func (t *transcript) take() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.b.String()
	t.b.Reset()
	return s
}

var out transcript

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

// hook looks at all it is given, and leaves garbage behind.
func hook(p *panics.Panic) {
	stack := make([]byte, 4096)
	n, sp, _ := p.CopyStack(stack)
	if n == 0 || sp == 0 || len(p.PCs) == 0 {
		fail("hook: %d bytes of stack at %#x, %d frames", n, sp, len(p.PCs))
	}
	f, _ := runtime.CallersFrames(p.PCs).Next()
	out.mu.Lock()
	out.hook = append(out.hook, fmt.Sprintf("%T in %s", p.Value, f.Function))
	out.mu.Unlock()
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == "fatal" {
		if len(os.Args) > 3 {
			install()
		}
		fatal(os.Args[2])
		return
	}
	rounds := 1
	if len(os.Args) > 1 {
		rounds = 100
		go func() {
			for {
				runtime.GC()
			}
		}()
	}
	suite()
	bare := out.take()
	for range rounds {
		install()
		out.hook = nil
		suite()
		hooked, seen := out.take(), out.hook
		if err := panics.Remove(); err != nil {
			fail("remove: %v", err)
		}
		suite()
		after := out.take()
		if bare != hooked || bare != after {
			fail("--- bare\n%s\n--- hooked\n%s\n--- after\n%s", bare, hooked, after)
		}
		if d, err := jump.Verify(); err != nil || len(d) != 0 {
			fail("code differs: %+v %v", d, err)
		}
		if len(seen) != expected {
			fail("hook saw %d panics, not %d:\n%s", len(seen), expected, strings.Join(seen, "\n"))
		}
	}
	fmt.Print(bare)
}

func install() {
	if err := panics.Install(hook); err != nil {
		fail("refused: %v", err)
	}
}
