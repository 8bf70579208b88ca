package runtime

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	goruntime "runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/ispyd/ispyd/internal/report"
	"github.com/ispyd/ispyd/nodes"
)

// off is how the runtime's environment variables turn a limit off.
const off = "off"

// gogc is a percentage, or off where it is negative.
type gogc int

// MarshalText makes a number, or off.
func (g gogc) MarshalText() ([]byte, error) {
	if g < 0 {
		return []byte(off), nil
	}
	return strconv.AppendInt(nil, int64(g), 10), nil
}

// MarshalJSON makes a number, or null where it is off.
func (g gogc) MarshalJSON() ([]byte, error) {
	if g < 0 {
		return []byte("null"), nil
	}
	return g.MarshalText()
}

// UnmarshalText reads a percentage, or off.
func (g *gogc) UnmarshalText(text []byte) error {
	if string(text) == off {
		*g = -1
		return nil
	}
	n, err := strconv.ParseInt(string(text), 10, 32)
	if err != nil || n < 0 {
		return nodes.Errorf(fs.ErrInvalid, "%q is neither a percentage of 0 or more, such as 100, nor off", text)
	}
	*g = gogc(n)
	return nil
}

func getGOGC(context.Context) (gogc, error) {
	v, err := readMetric("/gc/gogc:percent")
	if err != nil {
		return 0, err
	}
	if n := v.Uint64(); n <= math.MaxInt32 {
		return gogc(n), nil
	}
	return -1, nil
}

func setGOGC(_ context.Context, g gogc) error {
	debug.SetGCPercent(int(g))
	return nil
}

// memlimit is a number of bytes, or off where it is report.Unlimited.
type memlimit uint64

// MarshalText makes a number of bytes, or off.
func (m memlimit) MarshalText() ([]byte, error) {
	if m >= math.MaxInt64 {
		return []byte(off), nil
	}
	return strconv.AppendUint(nil, uint64(m), 10), nil
}

// MarshalJSON makes a number of bytes, or null where it is off.
func (m memlimit) MarshalJSON() ([]byte, error) { return report.Quantity(m).MarshalJSON() }

// units are those of GOMEMLIMIT.
var units = []struct {
	suffix string
	shift  int
}{{"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}, {"B", 0}}

// UnmarshalText reads what GOMEMLIMIT takes: a number of bytes, with a unit or
// without, or off.
func (m *memlimit) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	if s == off {
		*m = report.Unlimited
		return nil
	}
	shift := 0
	for _, u := range units {
		if n, ok := strings.CutSuffix(s, u.suffix); ok {
			s, shift = strings.TrimSpace(n), u.shift
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64>>shift {
		if errors.Is(err, strconv.ErrRange) || err == nil && n > 0 {
			return nodes.Errorf(fs.ErrInvalid, "%q is more memory than there can be; off is no limit", text)
		}
		return nodes.Errorf(fs.ErrInvalid, "%q is neither a number of bytes, such as 536870912 or 512MiB (B, KiB, MiB, GiB, TiB), nor off", text)
	}
	*m = memlimit(n << shift)
	return nil
}

func getMemlimit(context.Context) (memlimit, error) {
	v, err := readMetric("/gc/gomemlimit:bytes")
	if err != nil {
		return 0, err
	}
	if n := v.Uint64(); n < math.MaxInt64 {
		return memlimit(n), nil
	}
	return report.Unlimited, nil
}

func setMemlimit(_ context.Context, m memlimit) error {
	debug.SetMemoryLimit(int64(min(uint64(m), math.MaxInt64)))
	return nil
}

// maxProcs is the most that maxprocs takes: each P costs memory for good, and
// changing their number stops the program for a moment.
const maxProcs = 1024

// maxprocs is a number of threads; 0 stands for the runtime's own choice.
type maxprocs int

// MarshalText makes a number.
func (m maxprocs) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(m), 10), nil }

// MarshalJSON makes a number.
func (m maxprocs) MarshalJSON() ([]byte, error) { return m.MarshalText() }

// UnmarshalText reads a number, or default.
func (m *maxprocs) UnmarshalText(text []byte) error {
	if string(text) == "default" {
		*m = 0
		return nil
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > maxProcs {
		return nodes.Errorf(fs.ErrInvalid, "%q is neither a number from 1 to %d nor default", text, maxProcs)
	}
	*m = maxprocs(n)
	return nil
}

func getMaxprocs(context.Context) (maxprocs, error) { return maxprocs(goruntime.GOMAXPROCS(0)), nil }

func setMaxprocs(_ context.Context, n maxprocs) error {
	if n == 0 {
		// It then also follows the CPUs and the control group again.
		goruntime.SetDefaultGOMAXPROCS()
		return nil
	}
	goruntime.GOMAXPROCS(int(n))
	return nil
}

// holdMaxprocs returns what puts the number back. A runtime that was left to its own
// choice gets that again, and then follows the CPUs and the control group as
// before. The runtime does not tell whether it was: it is taken to be where the
// number is what it would choose now, and the environment does not set it.
func holdMaxprocs(context.Context) (func(context.Context) error, error) {
	own := goruntime.GOMAXPROCS(0)
	if n, err := strconv.Atoi(os.Getenv("GOMAXPROCS")); err != nil || n <= 0 {
		// This changes nothing, and stops nothing, where it is the
		// runtime's choice already.
		goruntime.SetDefaultGOMAXPROCS()
		if goruntime.GOMAXPROCS(0) == own {
			return func(ctx context.Context) error { return setMaxprocs(ctx, 0) }, nil
		}
	}
	goruntime.GOMAXPROCS(own)
	return func(ctx context.Context) error { return setMaxprocs(ctx, maxprocs(own)) }, nil
}

// environment is a variable that the runtime read when the program started.
func environment(name, variable, doc string) nodes.Node {
	return nodes.Value(name, doc+" (the environment variable "+variable+"; empty where it is not set)", func(context.Context) (string, error) {
		return os.Getenv(variable), nil
	})
}

func settingsDir() nodes.Node {
	return nodes.Directory("settings", "settings of the runtime; those that can be written take effect at once, and go back by themselves after a write such as 50 for=30s",
		nodes.Var("gogc", "heap growth in percent after which a collection runs, or off (GOGC)", getGOGC, setGOGC),
		nodes.Var("memlimit", "soft limit of Go's memory in bytes, 512MiB and the like, or off (GOMEMLIMIT)", getMemlimit, setMemlimit),
		nodes.HeldVar("maxprocs", "threads that may run Go code at once, or default, which follows the CPUs and the cgroup; changing it stops the program for a moment (GOMAXPROCS)", getMaxprocs, setMaxprocs, holdMaxprocs),
		environment("godebug", "GODEBUG", "debugging settings"),
		environment("gotraceback", "GOTRACEBACK", "how much a crash prints"),
	)
}
