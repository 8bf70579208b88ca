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
	// Told gets what nobody asks for any more: that the program has called a function
	// of the session when that had ended, once for each function. It is called on a
	// goroutine of its own and must not panic. Nil is nobody.
	Told func(text string)
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
	closures   sync.Map // uintptr of a func to weak.Pointer[closure]
	maps       sync.Map // uintptr of a map that the session made to weak.Pointer[byte]
	goroutines atomic.Int64
	told       sync.Map // methodKey of methods that were called when the session had ended
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
	if p != nil {
		p = &oneAtATime{p: p}
	}
	s := &Session{opts: o, host: p, types: newUniverse(p), top: &scope{}, names: map[string]*object{}}
	s.topContext = &funcContext{top: true, labels: map[string]int{}}
	s.out = &output{max: o.Output}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.life = &evaluation{done: ctx.Done(), limit: 1 << 62, lasting: true}
	return s
}

// Close ends the session: its goroutines stop at the next thing that they do.
func (s *Session) Close() error {
	return s.end(fmt.Errorf("%w: the session is closed", ErrStopped))
}

// end closes the session, of which nothing is left but why.
func (s *Session) end(why error) error {
	stop := &stopError{why}
	s.life.stop.CompareAndSwap(nil, stop)
	if s.closed.Swap(true) {
		return nil
	}
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
		return Result{}, s.life.stop.Load().err
	}
	if n := s.opts.Abandoned.Load(); n >= s.opts.MostAbandoned {
		return Result{}, fmt.Errorf("%w: %d evaluations hang in calls of the program, nothing more is evaluated until one returns", ErrLimit, n)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.opts.Timeout, fmt.Errorf("%w after %v: the time was up", ErrStopped, s.opts.Timeout))
	defer cancel()
	ev := &evaluation{done: ctx.Done(), base: inUse(), limit: s.opts.Memory}
	ev.cause = func() error {
		err := context.Cause(ctx)
		if !errors.Is(err, ErrStopped) {
			err = fmt.Errorf("%w: cancelled", ErrStopped)
		}
		return err
	}
	stop := context.AfterFunc(ctx, func() { ev.stop.CompareAndSwap(nil, &stopError{ev.cause()}) })
	defer stop()
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
	s.await(ctx, ev, done, &o)
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
	ev.running.Store(true)
	th := &thread{s: s, ev: ev}
	f := &frame{slots: make([]reflect.Value, s.topContext.slots), th: th}
	th.top = f
	err = s.protect(func() {
		for _, st := range steps {
			th.check()
			if l := st(f); l != nil {
				th.check()
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
		ev := &evaluation{done: s.life.done, base: inUse(), limit: s.opts.Memory}
		if e := s.life.stop.Load(); e != nil {
			return
		}
		ev.parent = s.life // all stop with it, but each counts its memory
		th := &thread{s: s, ev: ev, spawned: true}
		err := s.protect(func() { call(th) })
		if err != nil && !errors.Is(err, ErrStopped) {
			fmt.Fprintf(s.out, "goroutine: %v\n", s.place(th, err))
		}
	})
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
