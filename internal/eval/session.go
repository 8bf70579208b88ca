package eval

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/token"
	"io"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ispyd/ispyd/internal/eval/constant"
)

// Options are the limits of a session. Zero fields stand for the defaults.
type Options struct {
	// Timeout ends an evaluation; 10 s.
	Timeout time.Duration
	// Output is the most that one evaluation may write, in bytes; 256 KiB. What
	// is beyond is cut, which the output says.
	Output int
	// Memory is how much the heap may grow during one evaluation, in bytes;
	// 256 MiB.
	Memory int64
	// Goroutines is how many a session may have at once; 1000.
	Goroutines int
	// Abandoned counts the evaluations of all sessions that share it which were
	// left behind in a call that did not return. Nil is one of the session's own.
	Abandoned *atomic.Int64
	// MostAbandoned is the number of those at which nothing more is evaluated; 8.
	MostAbandoned int64
}

func (o *Options) defaults() {
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Output <= 0 {
		o.Output = 256 << 10
	}
	if o.Memory <= 0 {
		o.Memory = 256 << 20
	}
	if o.Goroutines <= 0 {
		o.Goroutines = 1000
	}
	if o.Abandoned == nil {
		o.Abandoned = new(atomic.Int64)
	}
	if o.MostAbandoned <= 0 {
		o.MostAbandoned = 8
	}
}

// Session evaluates Go. What one evaluation declares the next ones see. Its methods
// may be called by one goroutine at a time; Close by any.
type Session struct {
	opts    Options
	types   *universe
	host    Program
	top     *scope // what has been declared
	overlay *scope // what the request that is being compiled declares
	names   map[string]*object
	prelude map[string]*scope
	out     *output
	nextPos token.Pos // of the next request's source
	sources []source
	kept    int // bytes of them

	topContext *funcContext
	closures   sync.Map     // uintptr of a func to weak.Pointer[closure]
	maps       sync.Map     // uintptr of a map that the session made to weak.Pointer[byte]
	mapLock    sync.RWMutex // of maps that the session made, which the runtime lets nobody write at once
	callbacks  atomic.Int64
	goroutines atomic.Int64
	wg         sync.WaitGroup

	life   *evaluation // of goroutines that outlive their evaluation
	cancel context.CancelFunc
	cur    atomic.Pointer[evaluation]
	closed atomic.Bool
}

// NewSession opens a session with the program, which may be nil: then there is the
// language and the standard functions alone. It closes the program.
func NewSession(p Program, o Options) *Session {
	o.defaults()
	s := &Session{opts: o, host: p, types: newUniverse(p), top: &scope{}, names: map[string]*object{}}
	s.topContext = &funcContext{top: true, labels: map[string]int{}}
	s.out = &output{max: o.Output}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.life = &evaluation{done: ctx.Done(), base: 0, limit: 1 << 62}
	return s
}

// Close ends the session: its goroutines stop at the next thing that they do.
func (s *Session) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	stop := &stopError{fmt.Errorf("%w: the session is closed", ErrStopped)}
	s.life.stop.Store(stop)
	if e := s.cur.Load(); e != nil {
		e.stop.CompareAndSwap(nil, stop)
	}
	s.cancel()
	if s.host != nil {
		return s.host.Close()
	}
	return nil
}

// Goroutines is the number of goroutines that the session has running.
func (s *Session) Goroutines() int { return int(s.goroutines.Load()) }

// Wait returns when all goroutines of a closed session have ended.
func (s *Session) Wait() { s.wg.Wait() }

// current is the evaluation that runs, or what goes on between them.
func (s *Session) current() *evaluation {
	if e := s.cur.Load(); e != nil {
		return e
	}
	return s.life
}

// Value is a result as text.
type Value struct {
	Text string `json:"value"`
	Type string `json:"type"`
	// Says is what an error says of itself.
	Says string `json:"says,omitempty"`
}

// Notes are what the values of a list are where they do not show it: the words of
// errors, as a comment; "" where there are none.
func Notes(l []Value) string {
	text := ""
	for _, v := range l {
		if v.Says == "" {
			continue
		}
		if text == "" {
			text = " // error: "
		} else {
			text += "; "
		}
		text += strings.ReplaceAll(v.Says, "\n", "\n// ")
	}
	return text
}

// Result is what an evaluation gave.
type Result struct {
	// Values are those of the expressions of the request, in their order. A call
	// with several results has one list.
	Values [][]Value
	// Output is what was written meanwhile.
	Output string
	// Quit says that the session wants to end.
	Quit bool
}

var errQuit = errors.New("quit")

// Eval evaluates statements, declarations and expressions. Its error says what was
// wrong, with line:column where that is known; the Result has what happened before.
//
// An evaluation that does not stop, because the program does not return from a call,
// is left behind: the error is [ErrAbandoned].
func (s *Session) Eval(ctx context.Context, src string) (Result, error) {
	if s.closed.Load() {
		return Result{}, fmt.Errorf("%w: the session is closed", ErrStopped)
	}
	if n := s.opts.Abandoned.Load(); n >= s.opts.MostAbandoned {
		return Result{}, fmt.Errorf("%w: %d evaluations hang in calls of the program, nothing more is evaluated until one returns", ErrLimit, n)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.opts.Timeout, fmt.Errorf("%w after %v: the time was up", ErrStopped, s.opts.Timeout))
	defer cancel()
	ev := &evaluation{done: ctx.Done(), base: uint64(heapObjects()), limit: s.opts.Memory}
	ev.cause = func() error {
		err := context.Cause(ctx)
		if !errors.Is(err, ErrStopped) {
			err = fmt.Errorf("%w: cancelled", ErrStopped)
		}
		return err
	}
	stop := context.AfterFunc(ctx, func() { ev.stop.CompareAndSwap(nil, &stopError{ev.cause()}) })
	defer stop()
	type outcome struct {
		r   Result
		err error
	}
	done := make(chan outcome, 1)
	s.cur.Store(ev)
	go func() {
		var o outcome
		finished := false
		defer func() {
			if !finished {
				o.err = errors.New("runtime.Goexit ended the evaluation")
			}
			done <- o
		}()
		if err := s.protect(func() { o.r, o.err = s.evaluate(ctx, ev, src) }); err != nil {
			o.err = err
		}
		finished = true
	}()
	var o outcome
	select {
	case o = <-done:
	case <-ctx.Done():
		// Code of the session stops at once, a call of the program perhaps
		// never.
		t := time.NewTimer(2 * graceTime)
		defer t.Stop()
		select {
		case o = <-done:
		case <-t.C:
			s.opts.Abandoned.Add(1)
			go func() {
				<-done
				s.opts.Abandoned.Add(-1)
			}()
			where := "the evaluation"
			if name := ev.host.Load(); name != nil {
				where = "the call of " + *name
			}
			o.err = fmt.Errorf("%w: %s did not return, and goes on", ErrAbandoned, where)
			s.closed.Store(true) // its state is in use
		}
	}
	s.cur.CompareAndSwap(ev, nil)
	o.r.Output = s.out.take()
	if errors.Is(o.err, errQuit) {
		o.err, o.r.Quit = nil, true
	}
	return o.r, o.err
}

// evaluate compiles and runs a request.
func (s *Session) evaluate(ctx context.Context, ev *evaluation, src string) (r Result, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	if s.host != nil {
		s.host.Begin(ctx)
	}
	steps, err := s.compile(src)
	if err != nil {
		return r, err
	}
	th := &thread{s: s, ev: ev}
	f := &frame{slots: make([]reflect.Value, s.topContext.slots), th: th}
	th.top = f
	err = s.protect(func() {
		for _, st := range steps {
			if l := st(f); l != nil {
				var vs []Value
				for _, v := range l {
					vs = append(vs, Value{s.show(ctx, v.v, v.t), v.t.String(), s.errorText(v.v, v.t)})
				}
				r.Values = append(r.Values, vs)
			}
		}
	})
	return r, s.place(th, err)
}

// protect turns what f panics with into an error.
func (s *Session) protect(f func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *stopError:
			err = r.err
		case compileError:
			err = errors.New(r.msg)
		default:
			err = &PanicError{r, s.panicText(r)}
		}
	}()
	f()
	return nil
}

// PanicError is a panic of what was evaluated.
type PanicError struct {
	Value any
	text  string
}

// Error is the panic as the runtime prints it.
func (e *PanicError) Error() string { return "panic: " + e.text }

func (s *Session) panicText(r any) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("a value of type %T", r)
		}
	}()
	switch x := r.(type) {
	case error:
		return x.Error()
	case string:
		return x
	}
	v := reflect.ValueOf(&r).Elem()
	t := s.types.of(v.Elem().Type())
	if text, ok := s.textOf(v.Elem(), t); ok {
		return text
	}
	return t.String() + "(" + s.show(context.Background(), v.Elem(), t) + ")"
}

// spawn runs a call on a goroutine of its own, which ends with the session at the
// latest.
func (s *Session) spawn(from *thread, call func(*thread) []reflect.Value) {
	if n := s.goroutines.Add(1); n > int64(s.opts.Goroutines) {
		s.goroutines.Add(-1)
		panic(&stopError{fmt.Errorf("%w: the session has %d goroutines", ErrLimit, s.opts.Goroutines)})
	}
	s.wg.Go(func() {
		defer s.goroutines.Add(-1)
		defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
		ev := &evaluation{done: s.life.done, base: uint64(heapObjects()), limit: s.opts.Memory}
		if e := s.life.stop.Load(); e != nil {
			return
		}
		ev.parent = s.life // all stop with it, but each counts its memory
		th := &thread{s: s, ev: ev}
		err := s.protect(func() { call(th) })
		if err != nil && !errors.Is(err, ErrStopped) {
			fmt.Fprintf(s.out, "goroutine: %v\n", s.place(th, err))
		}
	})
}

// global finds a name that the session has not declared: of the universe, of package
// main, or a package's.
func (s *Session) global(c *compiler, name string) (*object, error) {
	if o := s.names[name]; o != nil {
		return o, nil
	}
	o := s.universeName(name)
	if o == nil || o.kind == builtinObject && !alwaysBuiltin(name) {
		if s.host != nil {
			m, err := s.hostMember("main", name)
			if err != nil {
				return nil, err
			}
			if m != nil {
				o = m
			}
		}
	}
	if o == nil {
		path, err := s.pkg(name)
		if err == nil {
			o = &object{kind: packageObject, name: name, path: path}
		} else if !errors.Is(err, errNoPackage) {
			return nil, err
		}
	}
	if o == nil {
		why := ""
		if s.host != nil {
			if err := s.host.Missing(); err != nil {
				why = " (the program's names are not known: " + err.Error() + ")"
			}
		}
		hint := elsewhere(name + ".")
		if hint == "" {
			hint = verbHint(name)
		}
		if hint == "" {
			hint = s.near(name, s.visible(), s.usable("main"))
		}
		return nil, fmt.Errorf("undefined: %s%s%s", name, hint, why)
	}
	s.names[name] = o
	return o, nil
}

// alwaysBuiltin are the builtin functions that a program never has a function of its
// own for, so that the program need not be asked.
func alwaysBuiltin(name string) bool {
	switch name {
	case "append", "len", "make", "panic", "recover", "new":
		return true
	}
	return false
}

// basicTypes are the predeclared types, as pointers to them: data, where a map would be
// code.
var basicTypes = []stdName{
	{"bool", (*bool)(nil)}, {"string", (*string)(nil)}, {"error", (*error)(nil)}, {"any", (*any)(nil)},
	{"int", (*int)(nil)}, {"int8", (*int8)(nil)}, {"int16", (*int16)(nil)}, {"int32", (*int32)(nil)}, {"int64", (*int64)(nil)},
	{"uint", (*uint)(nil)}, {"uint8", (*uint8)(nil)}, {"uint16", (*uint16)(nil)}, {"uint32", (*uint32)(nil)}, {"uint64", (*uint64)(nil)},
	{"uintptr", (*uintptr)(nil)}, {"byte", (*byte)(nil)}, {"rune", (*rune)(nil)},
	{"float32", (*float32)(nil)}, {"float64", (*float64)(nil)}, {"complex64", (*complex64)(nil)}, {"complex128", (*complex128)(nil)},
}

func (s *Session) universeName(name string) *object {
	if p := valueOf(basicTypes, name); p != nil {
		return &object{kind: typeObject, name: name, typ: s.types.of(reflect.TypeOf(p).Elem())}
	}
	switch name {
	case "true", "false":
		return &object{kind: constObject, name: name, val: constant.MakeBool(name == "true"), typ: s.types.consts[untypedBool]}
	case "nil":
		return &object{kind: nilObject, name: name}
	case "comparable":
		return &object{kind: typeObject, name: name, typ: s.types.iface(nil, &typeSet{comparable: true})}
	}
	for _, b := range builtinNames {
		if b == name {
			return &object{kind: builtinObject, name: name}
		}
	}
	return nil
}

// visible are the names that can be used without a package.
func (s *Session) visible() []string {
	l := append(sortedKeys(s.top.names), builtinNames...)
	l = append(l, namesOf(basicTypes)...)
	l = append(l, "true", "false", "nil", "comparable")
	if s.host != nil {
		l = append(l, s.host.Names("main")...)
	}
	for _, p := range stdPackages {
		l = append(l, lastElement(p.path))
	}
	return l
}

var errNoPackage = errors.New("no such package")

// pkg finds a package of the table of the console or of the program.
func (s *Session) pkg(name string) (string, error) {
	if name == "unsafe" {
		return "", errors.New("package unsafe is not supported by the console: a pointer is printed with what it leads to, &x.f is the address of a field")
	}
	if p := stdPath(name); p != "" {
		return p, nil
	}
	var all []string
	if s.host != nil {
		p, others, err := s.host.Package(name)
		if len(others) > 0 {
			fmt.Fprintf(s.out, "%s is %s here; for another one import %s %q\n", name, p, name, others)
		}
		if err != nil || p != "" {
			return p, err
		}
		all = s.host.Packages()
	}
	for _, p := range stdPackages {
		all = append(all, p.path)
	}
	return "", fmt.Errorf("%w in the program: %s%s%s", errNoPackage, name, s.near(name, all, nil), elsewhere(name+"."))
}

// member is a name of a package.
func (s *Session) member(c *compiler, path, name string) (*object, error) {
	key := path + "." + name
	if o := s.names[key]; o != nil {
		return o, nil
	}
	o := s.stdMember(c, path, name)
	if o == nil && s.host != nil {
		m, err := s.hostMember(path, name)
		if err != nil {
			return nil, err
		}
		o = m
	}
	if o == nil {
		all := stdNames(path)
		if s.host != nil {
			all = append(all, s.host.Names(path)...)
		}
		hint := elsewhere(path + "." + name)
		if hint == "" {
			hint = s.near(name, all, s.usable(path))
		}
		return nil, fmt.Errorf("undefined: %s.%s%s", lastElement(path), name, hint)
	}
	s.names[key] = o
	return o, nil
}

func (s *Session) hostMember(path, name string) (*object, error) {
	m, err := s.host.Lookup(path, name)
	if err != nil {
		return nil, err
	}
	full := path + "." + name
	switch {
	case m.Var.IsValid():
		return &object{kind: varObject, name: name, path: full, typ: s.types.of(m.Var.Type()), global: m.Var}, nil
	case m.Func.Value.IsValid():
		return &object{kind: funcObject, name: name, path: full, typ: s.types.of(m.Func.Value.Type()), global: m.Func.Value, loose: m.Func.Loose}, nil
	case m.Type != nil:
		return &object{kind: typeObject, name: name, path: full, typ: s.types.of(m.Type)}, nil
	case m.Const != nil:
		return &object{kind: constObject, name: name, path: full, val: constant.MakeInt64(m.Const.Value), typ: s.types.of(m.Const.Type)}, nil
	}
	return nil, nil
}

// output is what a session writes, up to a size.
type output struct {
	mu  sync.Mutex
	b   bytes.Buffer
	max int
	cut int
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := min(len(p), o.max-o.b.Len())
	o.b.Write(p[:n])
	o.cut += len(p) - n
	return len(p), nil
}

func (o *output) take() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.b.String()
	if o.cut > 0 {
		s = strings.TrimSuffix(s, "\n") + fmt.Sprintf("\n… %d more bytes\n", o.cut)
	}
	o.b.Reset()
	o.cut = 0
	return s
}

var _ io.Writer = (*output)(nil)
