package symbols

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"reflect"
	"runtime"
	"sort"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/ispyd/ispyd/internal/nearest"
	"github.com/ispyd/ispyd/nodes"
)

// Idle is how long the index is kept after the last who had it open has closed it.
const Idle = time.Minute

var idle = Idle

var (
	errClosed     = errors.New("the symbol index is closed")
	errNotFound   = errors.New("not found")
	unsafePointer = reflect.TypeFor[unsafe.Pointer]()
)

// Index gives access to the symbols of the running program. Its methods may be
// called by several goroutines at once.
type Index struct {
	t    *table
	bare bool // made by Types: of its own
	once sync.Once
}

// Var is a package variable.
type Var struct {
	Name string // full: net/http.DefaultServeMux
	Addr uintptr
	Type *Type
}

// Const is a constant of an integer kind; others are not in the debug information.
type Const struct {
	Name  string
	Type  *Type
	Value int64
}

// shared is the one table of the program.
var shared state

const sharedName = "github.com/ispyd/ispyd/internal/symbols.shared"

type state struct {
	sync.Mutex
	table *table
	users int
	timer *time.Timer // gives the table back when it fires
	build chan struct{}
	err   error // of the last build
	final bool  // another build would fail as well
}

// Open returns the index of the running program, building it if there is none. It
// waits for that as long as ctx lasts; the building goes on without it. The error
// wraps nodes.ErrNotSupported where there cannot be one: on another system than
// Linux on amd64, in a program without debug information, or with a runtime that
// is not known. Close must be called.
func Open(ctx context.Context) (*Index, error) {
	for {
		shared.Lock()
		if shared.table != nil {
			shared.users++
			x := &Index{t: shared.table}
			if shared.timer != nil {
				shared.timer.Stop()
				shared.timer = nil
			}
			shared.Unlock()
			return x, nil
		}
		if shared.final {
			defer shared.Unlock()
			return nil, shared.err
		}
		built := shared.build
		if built == nil {
			built = make(chan struct{})
			shared.build = built
			go build(built)
		}
		shared.Unlock()
		select {
		case <-built:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		shared.Lock()
		if shared.table == nil && shared.err != nil {
			defer shared.Unlock()
			return nil, shared.err
		}
		shared.Unlock()
	}
}

// build makes the table, on a goroutine of its own.
func build(done chan struct{}) {
	var t *table
	err := nodes.Protect(func() (err error) {
		t, err = load()
		return err
	})
	shared.Lock()
	defer shared.Unlock()
	shared.build = nil
	shared.table, shared.err = t, err
	shared.final = errors.Is(err, nodes.ErrNotSupported)
	if t != nil {
		shared.rest()
	}
	close(done)
}

// rest gives the table back if nobody opens it for a while. The lock is held.
func (s *state) rest() {
	t := s.table
	var timer *time.Timer
	timer = time.AfterFunc(idle, func() {
		s.Lock()
		mine := s.timer == timer && s.users == 0 && s.table == t
		if mine {
			s.table, s.timer = nil, nil
		}
		s.Unlock()
		if mine {
			t.close()
		}
	})
	s.timer = timer
}

// load makes the table of the running program.
func load() (*table, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return nil, nodes.Errorf(nodes.ErrNotSupported, "variables and types are looked up on linux/amd64 only, this is %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	// The file that runs, wherever it is by now.
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := newTable(f)
	if err != nil {
		return nil, err
	}
	if err := t.bind(); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// Close tells that the index is not needed any more. It may be called again.
func (x *Index) Close() error {
	x.once.Do(func() {
		if x.bare {
			x.t.close()
			return
		}
		shared.Lock()
		defer shared.Unlock()
		if shared.users--; shared.users == 0 {
			shared.rest()
		}
	})
	return nil
}

// BuildID is the build ID of the executable as "go tool buildid" prints it.
func (x *Index) BuildID() string { return x.t.buildID }

// Packages are the import paths of all packages with symbols, sorted.
func (x *Index) Packages() []string {
	list := make([]string, len(x.t.packages))
	for i := range list {
		list[i] = x.t.packages[i].path
	}
	return list
}

// Below are the import paths that begin with prefix, sorted: with "net/" net/http
// and net/http/pprof.
func (x *Index) Below(prefix string) []string {
	list := x.t.packages
	i := sort.Search(len(list), func(i int) bool { return list[i].path >= prefix })
	var paths []string
	for ; i < len(list) && strings.HasPrefix(list[i].path, prefix); i++ {
		paths = append(paths, list[i].path)
	}
	return paths
}

// Package returns the package that a symbol's full name begins with, and the rest
// of the name; ok is false where there is none.
func (x *Index) Package(name string) (path, rest string, ok bool) {
	k, rest := x.t.split(name)
	if k == nil {
		return "", name, false
	}
	return k.path, rest, true
}

func varsOf(k *pack) []ref   { return k.vars }
func funcsOf(k *pack) []ref  { return k.funcs }
func constsOf(k *pack) []ref { return k.consts }

// names lists a package's symbols of one sort.
func (x *Index) names(path string, list func(*pack) []ref) (names []string) {
	k := x.t.packAt(path)
	if k == nil {
		return nil
	}
	x.t.read(func() {
		last := ""
		for _, r := range list(k) {
			name := x.t.nameAt(r.name)
			if name != last {
				names = append(names, strings.Clone(k.name(name)))
			}
			last = name
		}
	})
	return names
}

// HasVars reports whether the package has variables.
func (x *Index) HasVars(path string) bool {
	k := x.t.packAt(path)
	return k != nil && len(k.vars) > 0
}

// Vars are the full names of a package's variables, sorted.
func (x *Index) Vars(path string) []string { return x.names(path, varsOf) }

// Funcs are the full names of a package's functions and methods, sorted; those
// that were inlined everywhere too.
func (x *Index) Funcs(path string) []string { return x.names(path, funcsOf) }

// Consts are the full names of a package's constants, sorted.
func (x *Index) Consts(path string) []string { return x.names(path, constsOf) }

// Types are the full names of a package's types, sorted; the instantiations of
// generic ones each.
func (x *Index) Types(path string) (names []string) {
	k := x.t.packAt(path)
	if k == nil {
		return nil
	}
	x.t.typeNames(k.prefix, func(raw string) { names = append(names, strings.Clone(k.name(raw))) })
	return names
}

// lookup finds the entries of a symbol and calls f with each.
func (x *Index) lookup(name, what string, list func(*pack) []ref, f func(*pack, ref) (last bool)) error {
	found := false
	err := x.t.read(func() {
		k := x.t.pack(name)
		if k == nil {
			return
		}
		for _, r := range x.t.find(list(k), x.t.rawName(name)) {
			found = true
			if f(k, r) {
				return
			}
		}
	})
	if err == nil && !found {
		return &missing{name, what, sync.OnceValue(func() string { return x.t.near(name, list) })}
	}
	return err
}

// missing is the error of a symbol that is not there. The nearest name is looked for
// when somebody reads it: most who ask have other names to try.
type missing struct {
	name, what string
	near       func() string
}

func (e *missing) Error() string { return e.name + ": there is no such " + e.what + e.near() }
func (e *missing) Unwrap() error { return fs.ErrNotExist }

// HasVar, HasFunc and HasConst say that there is such a symbol. What Var and the others
// say where there is none takes long to find.
func (x *Index) HasVar(name string) bool   { return x.has(name, varsOf) }
func (x *Index) HasFunc(name string) bool  { return x.has(name, funcsOf) }
func (x *Index) HasConst(name string) bool { return x.has(name, constsOf) }

func (x *Index) has(name string, list func(*pack) []ref) (found bool) {
	x.t.read(func() {
		if k := x.t.pack(name); k != nil {
			found = len(x.t.find(list(k), x.t.rawName(name))) > 0
		}
	})
	return found
}

// Var returns the package variable of a full name. The error is fs.ErrNotExist,
// with the nearest name in its text, where there is none.
func (x *Index) Var(name string) (v Var, err error) {
	err = x.lookup(name, "variable", varsOf, func(k *pack, r ref) bool {
		e := x.t.entry(int(r.entry))
		v = Var{Name: name, Addr: x.t.address(&e), Type: x.t.ofEntry(e.typ)}
		return true
	})
	if err == nil && (v.Addr == 0 || v.Type == nil) {
		err = nodes.Errorf(nodes.ErrNotSupported, "%s: the debug information does not say where it is", name)
	}
	return v, err
}

// Func returns the function or method of a full name, main.(*Store).order. The
// error is fs.ErrNotExist as that of Var. Of several entries the one with code of
// its own is taken.
func (x *Index) Func(name string) (f Func, err error) {
	err = x.lookup(name, "function", funcsOf, func(k *pack, r ref) bool {
		f = x.t.function(k, r)
		return f.Entry != 0
	})
	return f, err
}

// Const returns the constant of a full name.
func (x *Index) Const(name string) (c Const, err error) {
	err = x.lookup(name, "constant", constsOf, func(k *pack, r ref) bool {
		e := x.t.entry(int(r.entry))
		c = Const{Name: name, Type: x.t.ofEntry(e.typ), Value: e.constant}
		return true
	})
	return c, err
}

// Type returns the type of a full name, net/http.Server. The error is
// fs.ErrNotExist where there is none.
func (x *Index) Type(name string) (*Type, error) {
	t, err := x.t.typeNamed(name)
	if err == errNotFound {
		hint := ""
		if k, _ := x.t.split(name); k != nil {
			hint = nearest.Hint(name, x.Types(k.path))
		}
		return nil, nodes.Errorf(fs.ErrNotExist, "%s: there is no such type%s", name, hint)
	}
	return t, err
}

// TypeOf is the Type of one of the program's own types.
func (x *Index) TypeOf(t reflect.Type) *Type { return x.t.ofRuntime(t) }

// TypeAt returns the type whose data is at an address, as the first word of an
// interface value has it. ok is false for every other word: then it must not be
// taken for a type. Types made by package reflect are not known.
func (x *Index) TypeAt(word uintptr) (t *Type, ok bool) {
	if !x.t.knownWord(word) {
		return nil, false
	}
	return x.t.ofRuntime(typeAt(word)), true
}
