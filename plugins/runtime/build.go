package runtime

import (
	"context"
	"math"
	"os"
	goruntime "runtime"
	"runtime/debug"
	"sync"

	"github.com/ispyd/ispyd/nodes"
)

// buildInfo is read once: it never changes, and parsing it costs.
var buildInfo = sync.OnceValues(func() (*debug.BuildInfo, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil, nodes.Errorf(nodes.ErrNotSupported, "this binary has no build information: it was built without module support")
	}
	return info, nil
})

// module is one line of modules.
type module struct {
	Path    string `json:"path"`
	Version string `json:"version"`
	Sum     string `json:"sum"`
	// Replace is what it was replaced by: path and version.
	Replace string `json:"replace"`
}

func moduleOf(m *debug.Module) module {
	x := module{Path: m.Path, Version: m.Version, Sum: m.Sum}
	if r := m.Replace; r != nil {
		x.Replace, x.Sum = r.Path, r.Sum
		if r.Version != "" {
			x.Replace += "@" + r.Version
		}
	}
	return x
}

func mainModule(context.Context) (string, error) {
	info, err := buildInfo()
	if err != nil {
		return "", err
	}
	return info.Main.Path + " " + info.Main.Version, nil
}

func modules(context.Context) ([]module, error) {
	info, err := buildInfo()
	if err != nil {
		return nil, err
	}
	list := make([]module, 0, len(info.Deps))
	for _, m := range info.Deps {
		list = append(list, moduleOf(m))
	}
	return list, nil
}

// setting is one line of buildinfo.
type setting struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func buildSettings(context.Context) ([]setting, error) {
	info, err := buildInfo()
	if err != nil {
		return nil, err
	}
	list := []setting{{"go", info.GoVersion}, {"path", info.Path}, {"module", info.Main.Path}, {"version", info.Main.Version}}
	for _, s := range info.Settings {
		list = append(list, setting(s))
	}
	return list, nil
}

// constant returns a file that shows what never changes.
func constant[T any](name, doc string, v T) nodes.Node {
	return nodes.Value(name, doc, func(context.Context) (T, error) { return v, nil })
}

// goroot is the environment's GOROOT, or that of the build.
func goroot() string {
	if root := os.Getenv("GOROOT"); root != "" {
		return root
	}
	//lint:ignore SA1019 it is shown to people, not used
	return goruntime.GOROOT()
}

// facts are the files about the runtime and the build.
func facts() []nodes.Node {
	return []nodes.Node{
		constant("version", "version of Go that built the program", goruntime.Version()),
		constant("platform", "operating system and architecture, as in GOOS/GOARCH", goruntime.GOOS+"/"+goruntime.GOARCH),
		constant("compiler", "compiler that built the program", goruntime.Compiler),
		constant("goroot", "root of the Go tree that built the program, empty where the build left it out (-trimpath); the environment's GOROOT comes first", goroot()),
		constant("numcpu", "CPUs that the process could use when it started", goruntime.NumCPU()),
		constant("maxint", "largest value of int", math.MaxInt),
		nodes.Value("module", "main module of the program: path and version", mainModule),
		nodes.Value("modules", "modules linked into the program: path, version, sum, and what replaced it", modules),
		nodes.Value("buildinfo", "how the program was built: Go version, flags, revision", buildSettings),
	}
}
