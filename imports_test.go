package ispyd_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/ispyd/ispyd"

// importRule says what a set of packages must not link, and why.
type importRule struct {
	// of matches the packages that the rule holds for.
	of func(pkg string) bool
	// never matches what none of their dependencies may be.
	never func(of, dep string) bool
	why   string
}

var importRules = []importRule{
	{
		of: func(p string) bool { return p == module+"/nodes" },
		never: func(_, d string) bool {
			return !standard(d) && d != module+"/internal/nearest" && d != module+"/nodes"
		},
		why: "plugins can be tested without 9P, and a third party's plugin pulls in nothing",
	},
	{
		of: func(p string) bool { return strings.HasPrefix(p, module+"/plugins") },
		never: func(p, d string) bool {
			return d == module || within(d, module+"/fs") || within(d, "github.com/hugelgupf/p9")
		},
		why: "a plugin knows the tree, not how it is served",
	},
	{
		of: func(p string) bool { return strings.HasPrefix(p, module+"/plugins/") },
		never: func(p, d string) bool {
			return strings.HasPrefix(d, module+"/plugins/") && d != p
		},
		why: "plugins are switched on and off one by one; what two share is in internal",
	},
	{
		of: func(p string) bool { return strings.HasPrefix(p, module+"/cmd/") },
		never: func(_, d string) bool {
			return d == module || d == module+"/fs" || within(d, module+"/nodes") || within(d, module+"/plugins")
		},
		why: "a client knows only files, so that clients and servers of different versions work together",
	},
	{
		of: func(p string) bool { return p == module },
		never: func(_, d string) bool {
			switch d {
			case "net/http", "net/http/pprof", "expvar", "flag", "testing", "os/signal":
				return true
			}
			return within(d, "github.com/hanwen/go-fuse") || within(d, "github.com/go-delve") || within(d, "mvdan.cc/sh") || within(d, "github.com/spf13/pflag")
		},
		why: "the embedded library stays light and touches nothing of the program's: no default mux, no signals, no flags",
	},
	{
		of: func(p string) bool {
			return strings.HasPrefix(p, module) && !strings.HasPrefix(p, module+"/cmd/") && !strings.HasPrefix(p, module+"/testdata/")
		},
		never: func(_, d string) bool { return within(d, "github.com/hanwen/go-fuse") || within(d, "mvdan.cc/sh") },
		why:   "the mount and the shell are linked by the commands alone",
	},
	{
		of: func(p string) bool {
			return strings.HasPrefix(p, module) && !within(p, module+"/cmd/ispy")
		},
		never: func(_, d string) bool { return within(d, "github.com/go-delve/delve") },
		why:   "the debugger's library is linked by ispy alone: programs and ispymount stay small",
	},
}

func within(pkg, parent string) bool { return pkg == parent || strings.HasPrefix(pkg, parent+"/") }

// standard reports whether a package is the standard library's.
func standard(pkg string) bool {
	first, _, _ := strings.Cut(pkg, "/")
	return !strings.Contains(first, ".")
}

func TestImports(t *testing.T) {
	var stderr bytes.Buffer
	cmd := exec.Command("go", "list", "-json=ImportPath,Deps", "./...")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	checked := make([]int, len(importRules))
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Deps       []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for i, r := range importRules {
			if !r.of(p.ImportPath) {
				continue
			}
			checked[i]++
			for _, dep := range p.Deps {
				if r.never(p.ImportPath, dep) {
					t.Errorf("%s must not link %s: %s", p.ImportPath, dep, r.why)
				}
			}
		}
	}
	for i, n := range checked {
		if n == 0 {
			t.Errorf("rule %d (%s) holds for no package: is it out of date?", i, importRules[i].why)
		}
	}
}
