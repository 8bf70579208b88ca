package eval

import (
	"context"
	"fmt"
	"reflect"
	"sort"
	"strings"
	"unsafe"

	"github.com/ispyd/ispyd/internal/live"
	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/internal/symbols/pclntab"
)

// Live is the running program as a [Program]: names from the symbol index, functions
// checked against the function table, values shown by the decoder.
type Live struct {
	// Hide says which values are secret where they are shown; a nil Redactor
	// knows the default names.
	Hide *redact.Redactor

	ctx    context.Context
	x      *symbols.Index
	table  *pclntab.Table
	failed error
	// standIns are types that the binary has no runtime data of, by the types
	// made for them. Two that look the same are nil.
	standIns map[reflect.Type]*symbols.Type
	shapes   map[reflect.Type]*symbols.Type // also those without a name
	short    map[string][]string            // import paths by last element
	used     map[string]bool                // see usedByMain
	bare     bareTypes
	methods  map[methodOf]methodFound
}

// Begin implements Program. The index is opened when something is looked for.
func (l *Live) Begin(ctx context.Context) { l.ctx = ctx }

// Close implements Program.
func (l *Live) Close() error {
	if l.x == nil {
		return nil
	}
	return l.x.Close()
}

// Missing says why the program's names are not known, nil where they are.
func (l *Live) Missing() error {
	l.open()
	return l.failed
}

func (l *Live) open() bool {
	if l.x != nil || l.failed != nil {
		return l.x != nil
	}
	x, err := symbols.Open(l.ctx)
	if err != nil {
		if l.ctx.Err() == nil {
			l.failed = err
		}
		return false
	}
	if l.table, err = pclntab.Open(); err != nil {
		x.Close()
		l.failed = err
		return false
	}
	l.x, l.standIns, l.short = x, map[reflect.Type]*symbols.Type{}, map[string][]string{}
	l.shapes, l.methods = map[reflect.Type]*symbols.Type{}, map[methodOf]methodFound{}
	for _, p := range packages(x) {
		name := lastElement(p)
		l.short[name] = append(l.short[name], p)
	}
	return true
}

// packages leaves out what the linker puts its own functions under.
func packages(x *symbols.Index) []string {
	var l []string
	for _, p := range x.Packages() {
		if !strings.ContainsAny(p, ": {") {
			l = append(l, p)
		}
	}
	return l
}

// Lookup implements Program.
func (l *Live) Lookup(path, name string) (m Member, err error) {
	full := path + "." + name
	if !l.open() {
		m.Type = l.bare.types()[full]
		return m, nil
	}
	switch {
	case l.x.HasVar(full):
		v, err := l.x.Var(full)
		if err != nil {
			return m, err
		}
		rt, err := l.reflect(v.Type)
		if err != nil {
			return m, fmt.Errorf("%s: %w", full, err)
		}
		// The variable is in the program's data, which the collector does not
		// move; the address is the linker's.
		m.Var = reflect.NewAt(rt, *(*unsafe.Pointer)(unsafe.Pointer(&v.Addr))).Elem()
		return m, nil
	case l.x.HasFunc(full):
		f, err := l.x.Func(full)
		if err == nil {
			m.Func, err = l.function(&f)
		}
		return m, err
	case l.x.HasConst(full):
		c, err := l.x.Const(full)
		if err != nil {
			return m, err
		}
		rt, err := l.reflect(c.Type)
		if err != nil {
			return m, err
		}
		m.Const = &Const{rt, c.Value}
		return m, nil
	}
	if t, err := l.x.Type(full); err == nil {
		m.Type, err = l.reflect(t)
		return m, err
	}
	return m, nil
}

// reflect is a type as package reflect has it; stand-ins are noted.
func (l *Live) reflect(t *symbols.Type) (reflect.Type, error) {
	rt, exact, err := t.Reflect()
	if err != nil {
		return nil, err
	}
	if !exact {
		l.note(rt, t, 0)
	}
	return rt, nil
}

// note remembers the names of the types that a stand-in is made of.
func (l *Live) note(rt reflect.Type, t *symbols.Type, depth int) {
	if t == nil || depth > 8 || t.Runtime() != nil || rt.Kind() != t.Kind() {
		return
	}
	if old, seen := l.shapes[rt]; !seen {
		l.shapes[rt] = t
	} else if old != t {
		l.shapes[rt] = nil
	}
	if t.Defined() {
		old, seen := l.standIns[rt]
		switch {
		case !seen:
			l.standIns[rt] = t
		case old == t:
			return
		default:
			l.standIns[rt] = nil
			return
		}
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan, reflect.Map:
		l.note(rt.Elem(), t.Elem(), depth+1)
		if t.Kind() == reflect.Map {
			l.note(rt.Key(), t.Key(), depth+1)
		}
	case reflect.Struct:
		for i, f := range t.Fields() {
			if i < rt.NumField() {
				l.note(rt.Field(i).Type, f.Type, depth+1)
			}
		}
	}
}

// TypeName implements Program.
func (l *Live) TypeName(rt reflect.Type) string {
	if t := l.standIns[rt]; t != nil {
		return t.Name()
	}
	return ""
}

// off limits are the packages whose functions are not called: they may hold locks or
// run in states in which ordinary code must not.
var offLimits = []string{"runtime", "internal/abi", "internal/cpu", "internal/bytealg", "internal/race", "internal/reflectlite"}

// Flags of a function, runtime/symtab.go.
const funcFlagAsm = 1 << 2

// function checks that a function may be called, and makes a func of it.
func (l *Live) function(f *symbols.Func) (Func, error) {
	no := func(format string, args ...any) (Func, error) {
		err := cannotCall(f.Name, format, args...)
		if !f.Inlined() { // of those the results are not told
			err.signature = func() string { return signatureOf(*f) }
		}
		return Func{}, err
	}
	path, _, _ := l.x.Package(f.Name)
	if why := forbidden(path, f.Name); why != "" {
		return no("%s%s", why, elsewhere(f.Name))
	}
	switch {
	case f.Inlined() && elsewhere(f.Name) != "":
		return no("it was inlined everywhere%s", elsewhere(f.Name))
	case f.Inlined():
		return no("it was inlined everywhere, the program has no code of it")
	case f.Dict:
		return no("%s", needsDictionary)
	case f.Closure:
		return no("it is the body of a closure, and needs its variables")
	case f.Wrapper:
		return no("it is code that the compiler made for interfaces")
	}
	tf, ok := l.table.Func(f.Entry)
	if !ok || tf.Entry() != f.Entry {
		return no("the function table has no entry for its address")
	}
	if why := special(tf); why != "" {
		return no("%s%s", why, elsewhere(f.Name))
	}
	var in, out []reflect.Type
	for _, p := range f.Params {
		rt, err := l.reflect(p.Type)
		if err != nil {
			return no("%v", err)
		}
		if p.Result {
			out = append(out, rt)
		} else {
			in = append(in, rt)
		}
	}
	return checked(f, tf, reflect.FuncOf(in, out, false))
}

//go:noinline
func cannotCall(name, format string, args ...any) *refusal {
	why := fmt.Sprintf(format, args...)
	return &refusal{msg: name + " cannot be called: " + why, why: why}
}

// signatureOf is what the debug information says of a function, without the receiver.
func signatureOf(f symbols.Func) string {
	params := f.Params
	if strings.Contains(f.Name, ").") || len(params) > 0 && strings.Count(f.Name[strings.LastIndexByte(f.Name, '/')+1:], ".") > 1 {
		params = params[min(1, len(params)):]
	}
	var in, out []string
	for _, p := range params {
		if p.Result {
			out = append(out, p.Type.String())
		} else {
			in = append(in, p.Type.String())
		}
	}
	s := "(" + strings.Join(in, ", ") + ")"
	switch len(out) {
	case 0:
		return s
	case 1:
		return s + " " + out[0]
	}
	return s + " (" + strings.Join(out, ", ") + ")"
}

const needsDictionary = "it is an instance of a generic function, and needs a dictionary"

// forbidden says why a function of that name is not called, "" where it may be.
func forbidden(path, name string) string {
	for _, p := range offLimits {
		if path == p {
			return "functions of package " + p + " are refused"
		}
	}
	switch {
	case strings.HasPrefix(path, "internal/runtime/") || strings.HasPrefix(path, "runtime/internal/"):
		return "functions of package " + path + " are refused"
	case ends(name):
		return "it ends the program, or can"
	case name == "main.main":
		return "it is the whole program, which runs"
	case strings.Contains(name, "go.shape.") || strings.Contains(name, "["):
		return needsDictionary
	case strings.HasPrefix(name, "_cgo") || strings.Contains(name, "._Cfunc_"):
		return "it is a stub of cgo"
	}
	return ""
}

// special says what is special about the code of a function, "" where it is plain.
func special(tf pclntab.Func) string {
	switch {
	case tf.Flag()&funcFlagAsm != 0:
		return "it is written in assembly"
	case tf.FuncID() != 0 || tf.Flag() != 0:
		return fmt.Sprintf("it is special to the runtime (flags %d, id %d)", tf.Flag(), tf.FuncID())
	case ofRuntime(tf.File(tf.Entry())):
		return "it is a part of the runtime under another name"
	}
	return ""
}

// checked compares a signature with what the function table says of the function.
func checked(f *symbols.Func, tf pclntab.Func, ft reflect.Type) (Func, error) {
	if err := f.Verify(tf); err != nil {
		return Func{}, err
	}
	n := ft.NumIn()
	return Func{Value: funcAt(f.Entry, ft), Loose: !ft.IsVariadic() && n > 0 && ft.In(n-1).Kind() == reflect.Slice}, nil
}

// ofRuntime says that a source file is one of package runtime, which defines functions
// under the names of other packages.
func ofRuntime(file string) bool {
	return strings.Contains(file, "/src/runtime/") || strings.HasPrefix(file, "runtime/")
}

func ends(name string) bool {
	switch name {
	case "os.Exit", "syscall.Exit", "os.runtime_beforeExit", "log.Fatal", "log.Fatalf", "log.Fatalln",
		"syscall.Kill", "syscall.Tgkill", "syscall.Exec", "golang.org/x/sys/unix.Kill", "golang.org/x/sys/unix.Exec",
		"os.(*Process).Kill", "os.(*Process).Signal",
		"syscall.Syscall", "syscall.Syscall6", "syscall.RawSyscall", "syscall.RawSyscall6",
		"runtime/debug.SetMaxStack", "runtime/debug.SetMaxThreads":
		return true
	}
	return false
}

// Method implements Program.
func (l *Live) Method(rt reflect.Type, name string) (Func, error) {
	if !l.open() {
		return Func{}, nil
	}
	key := methodOf{rt, name}
	r, ok := l.methods[key]
	if !ok {
		for _, full := range l.methodNames(rt, name) {
			if !l.x.HasFunc(full) {
				continue
			}
			f, err := l.x.Func(full)
			if r.err = err; err == nil {
				r.f, r.err = l.function(&f)
			}
			break
		}
		l.methods[key] = r
	}
	return r.f, r.err
}

// methodOf is what a method was looked for by: whoever formats a value looks for the
// same ones at each type in it.
type methodOf struct {
	rt   reflect.Type
	name string
}

type methodFound struct {
	f   Func
	err error
}

// methodNames are the linker's names of a method with either receiver.
func (l *Live) methodNames(rt reflect.Type, name string) []string {
	full := l.fullName(rt)
	if full == "" {
		return nil
	}
	path, typ, ok := l.x.Package(full)
	if !ok {
		return nil
	}
	typ = strings.TrimPrefix(typ, ".")
	return []string{path + ".(*" + typ + ")." + name, path + "." + typ + "." + name}
}

func (l *Live) fullName(rt reflect.Type) string {
	if n := l.TypeName(rt); n != "" {
		return n
	}
	if rt.Name() == "" || rt.PkgPath() == "" {
		return ""
	}
	return rt.PkgPath() + "." + rt.Name()
}

// Methods implements Program.
func (l *Live) Methods(rt reflect.Type) []string {
	if !l.open() {
		return nil
	}
	prefixes := l.methodNames(rt, "")
	if prefixes == nil {
		return nil
	}
	path, _, _ := l.x.Package(l.fullName(rt))
	var names []string
	for _, f := range l.x.Funcs(path) {
		for _, p := range prefixes {
			if rest, ok := strings.CutPrefix(f, p); ok && !strings.ContainsAny(rest, ".-") {
				names = append(names, rest)
			}
		}
	}
	return names
}

// Packages implements Program.
func (l *Live) Packages() []string {
	if !l.open() {
		return nil
	}
	return packages(l.x)
}

// Names implements Program.
func (l *Live) Names(path string) []string {
	if !l.open() {
		return nil
	}
	var names []string
	for _, list := range [][]string{l.x.Vars(path), l.x.Funcs(path), l.x.Types(path), l.x.Consts(path)} {
		for _, full := range list {
			name := strings.TrimPrefix(full, path+".")
			if !strings.ContainsAny(name, ".()[]·:") {
				names = append(names, name)
			}
		}
	}
	sort.Strings(names)
	return names
}

// Render implements Program.
func (l *Live) Render(ctx context.Context, v reflect.Value) (string, bool) {
	if l.x == nil {
		return "", false
	}
	t := l.shapes[v.Type()]
	if t == nil {
		if _, known := l.x.TypeAt(uintptr(typeWord(v.Type()))); !known {
			return "", false
		}
		t = l.x.TypeOf(v.Type())
	}
	if t == nil {
		return "", false
	}
	d := live.Decoder{Index: l.x, Hide: l.Hide}
	v = addressable(v)
	val, err := d.Decode(ctx, "", t, uintptr(v.Addr().UnsafePointer()))
	if err != nil {
		return "", false
	}
	return strings.TrimSuffix(string(val.AppendGo(nil)), "\n"), true
}
