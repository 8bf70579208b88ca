//go:build linux && amd64

package returns_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/internal/need"
	"github.com/ispyd/ispyd/internal/probes/probetest"
)

// serve runs testdata/program as built, to be asked.
func serve(t *testing.T, exe string) *probetest.Target { return probetest.Start(t, exe, "serve") }

// TestTraced: probes that end, are removed or closed while strace is attached
// stay in the code, without effect once they have ended, and go when it leaves.
func TestTraced(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	p := serve(t, build(t, "program", nil))
	p.Expect("load", "ok")
	_, detach := p.Strace()
	p.Expect("insert main.plain", "error busy=true", "strace")
	p.Expect("observe main.greet", "error busy=true", "strace")
	p.Expect("patched", "ok false")
	detach()

	t.Run("end", func(t *testing.T) {
		p.T = t
		p.Expect("observe main.fib", "ok") // there is always one that has the consumer at work
		_, detach := p.Strace()
		p.Expect("remove main.fib", "error busy=true")
		detach()
		p.Expect("remove main.fib", "ok")
		p.Expect("insert main.onStack", "ok") // which nobody calls
		p.Expect("once main.greet", "ok")
		p.Expect("ended", "ok all calls wanted")
		p.Expect("remove main.onStack", "ok")
		p.Expect("verify", "ok 0")
	})
	t.Run("remove", func(t *testing.T) {
		p.T = t
		p.Expect("insert main.plain", "ok")
		p.Expect("captured", "ok")
		_, detach := p.Strace()
		p.Expect("captured", "ok")
		p.Expect("remove main.plain", "error busy=true", "strace")
		p.Expect("patched", "ok true")
		p.Expect("captured", "ok")
		detach()
		p.Expect("remove main.plain", "ok")
		p.Expect("verify", "ok 0")
	})
	t.Run("close", func(t *testing.T) {
		p.T = t
		p.Expect("insert main.plain", "ok")
		p.Expect("observe main.greet", "ok")
		p.Expect("captured", "ok")
		_, detach := p.Strace()
		p.Expect("close", "error busy=true", "strace")
		p.Expect("patched", "ok true")
		p.Expect("busy", "ok")
		detach()
		p.Expect("restored", "ok")
		p.Expect("verify", "ok 0")
		p.Expect("insert main.plain", "ok")
		p.Expect("captured", "ok")
		p.Expect("close", "ok")
	})
	p.T = t
	p.Expect("rest", "ok 0")
	p.Expect("verify", "ok 0")
}

// TestEndTraced: a probe whose time to end comes while strace is attached.
func TestEndTraced(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	p := serve(t, build(t, "program", nil))
	p.Expect("once main.greet", "ok")
	_, detach := p.Strace()
	p.Expect("captured", "ok") // the call that ends it
	p.Expect("call", "ok 0")
	p.Expect("call", "ok 0")
	p.Expect("patched", "ok true")
	p.Expect("captures", "ok 1\n")
	detach()
	p.Expect("ended", "ok all calls wanted")
	p.Expect("patched", "ok false")
	p.Expect("verify", "ok 0")
	p.Expect("call", "ok 0")
}

// TestDelve attaches a debugger to a program with probes, which breaks on the
// functions' beginnings and on their return statements, and leaves.
func TestDelve(t *testing.T) {
	if testing.Short() {
		t.Skip("builds Delve")
	}
	dlv := need.Delve(t)
	source, err := os.ReadFile("testdata/program/functions.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []struct {
		name  string
		flags []string
	}{{"optimised", nil}, {"unoptimised", []string{"-gcflags=all=-N -l"}}} {
		t.Run(b.name, func(t *testing.T) {
			p := serve(t, build(t, "program", nil, b.flags...))
			p.Expect("insert main.plain", "ok")
			for _, f := range []string{"main.greet", "main.deep", "main.fib"} {
				p.Expect("observe "+f, "ok")
			}
			p.Expect("load", "ok")
			for _, f := range []string{"main.plain", "main.greet", "main.deep", "main.fib"} {
				var script strings.Builder
				stop := func(line string) {
					fmt.Fprintf(&script, "%s\ncontinue\nclearall\n", line)
				}
				stop("break " + f)
				lines := returnsOf(t, string(source), strings.TrimPrefix(f, "main."))
				for _, n := range lines {
					stop(fmt.Sprintf("break functions.go:%d", n))
				}
				script.WriteString("quit\n")
				out := p.Delve(dlv, script.String())
				if n := strings.Count(out, "> "); n < 1+len(lines) || !strings.Contains(out, f+"()") || strings.Contains(out, "has exited") {
					t.Errorf("%s: dlv:\n%s", f, out)
				}
				p.Expect("busy", "ok")
				p.Expect("captured", "ok")
			}
			p.Expect("rest", "ok 0")
			p.Expect("call", "ok 0")
			p.Expect("close", "ok")
			p.Expect("verify", "ok 0")
		})
	}
}

// returnsOf are the lines of the return statements of a function.
func returnsOf(t *testing.T, source, name string) (lines []int) {
	inside := false
	for i, l := range strings.Split(source, "\n") {
		switch {
		case strings.HasPrefix(l, "func "+name+"("):
			inside = true
		case l == "}":
			inside = false
		case inside && strings.HasPrefix(strings.TrimSpace(l), "return ") && !strings.HasSuffix(l, "return nil"): // which is never reached
			lines = append(lines, i+1)
		}
	}
	if len(lines) == 0 {
		t.Fatalf("no function %s that returns", name)
	}
	return lines
}
