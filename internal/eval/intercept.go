package eval

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"reflect"
	"runtime"
	"sort"
	"strings"
	"time"
)

// intercepted are functions that a session gets in a form of its own: what they print
// goes to the session, what ends the program does not, what sleeps can be stopped.
// The key is path|name. What takes a session first gets that; it is a table without
// code of its own, as stdPackages is.
var intercepted = []stdName{
	{"fmt|Print", func(s *Session, a ...any) (int, error) { return fmt.Fprint(s.out, s.printables(a)...) }},
	{"fmt|Println", func(s *Session, a ...any) (int, error) { return fmt.Fprintln(s.out, s.printables(a)...) }},
	{"fmt|Printf", func(s *Session, format string, a ...any) (int, error) {
		return fmt.Fprint(s.out, s.sprintf(format, a))
	}},
	{"fmt|Sprint", func(s *Session, a ...any) string { return fmt.Sprint(s.printables(a)...) }},
	{"fmt|Sprintln", func(s *Session, a ...any) string { return fmt.Sprintln(s.printables(a)...) }},
	{"fmt|Sprintf", func(s *Session, format string, a ...any) string { return s.sprintf(format, a) }},
	{"fmt|Fprint", func(s *Session, w io.Writer, a ...any) (int, error) {
		return fmt.Fprint(s.writer(w), s.printables(a)...)
	}},
	{"fmt|Fprintln", func(s *Session, w io.Writer, a ...any) (int, error) {
		return fmt.Fprintln(s.writer(w), s.printables(a)...)
	}},
	{"fmt|Fprintf", func(s *Session, w io.Writer, format string, a ...any) (int, error) {
		return fmt.Fprint(s.writer(w), s.sprintf(format, a))
	}},
	{"fmt|Errorf", func(s *Session, format string, a ...any) error { return s.errorf(format, a) }},
	{"strings|Repeat", func(s *Session, text string, n int) string {
		s.checkSize(int64(len(text)) * int64(max(n, 0)))
		return strings.Repeat(text, n)
	}},
	{"bytes|Repeat", func(s *Session, text []byte, n int) []byte {
		s.checkSize(int64(len(text)) * int64(max(n, 0)))
		return bytes.Repeat(text, n)
	}},
	{"strings|Replace", func(s *Session, text, old, by string, n int) string {
		s.checkSize(int64(len(text)) + int64(min(uint(n), uint(strings.Count(text, old))))*int64(len(by)))
		return strings.Replace(text, old, by, n)
	}},
	{"strings|ReplaceAll", func(s *Session, text, old, by string) string {
		s.checkSize(int64(len(text)) + int64(strings.Count(text, old))*int64(len(by)))
		return strings.ReplaceAll(text, old, by)
	}},
	{"strings|Join", func(s *Session, list []string, sep string) string {
		n := int64(len(sep)) * int64(len(list))
		for _, x := range list {
			n += int64(len(x))
		}
		s.checkSize(n)
		return strings.Join(list, sep)
	}},
	{"errors|As", (*Session).errorsAs},

	{"log|Print", func(s *Session, a ...any) { s.logger().Print(s.printables(a)...) }},
	{"log|Println", func(s *Session, a ...any) { s.logger().Println(s.printables(a)...) }},
	{"log|Printf", func(s *Session, format string, a ...any) { s.logger().Print(s.sprintf(format, a)) }},
	{"log|Fatal", func(s *Session, a ...any) { s.logger().Print(s.printables(a)...); exit("log.Fatal") }},
	{"log|Fatalln", func(s *Session, a ...any) { s.logger().Println(s.printables(a)...); exit("log.Fatalln") }},
	{"log|Fatalf", func(s *Session, format string, a ...any) {
		s.logger().Print(s.sprintf(format, a))
		exit("log.Fatalf")
	}},
	{"log|Panic", func(s *Session, a ...any) { t := fmt.Sprint(s.printables(a)...); s.logger().Print(t); panic(t) }},

	// What is read may have no end.
	{"io|ReadAll", func(s *Session, r io.Reader) ([]byte, error) { return s.readAll(r) }},
	{"os|ReadFile", func(s *Session, name string) ([]byte, error) {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return s.readAll(f)
	}},

	{"os|Exit", func(code int) { exit(fmt.Sprintf("os.Exit(%d)", code)) }},
	{"syscall|Exit", func(code int) { exit(fmt.Sprintf("syscall.Exit(%d)", code)) }},

	{"runtime|Gosched", runtime.Gosched},
	{"runtime|NumGoroutine", runtime.NumGoroutine},
	{"runtime|NumCPU", runtime.NumCPU},
	{"runtime|GC", runtime.GC},

	{"time|Sleep", func(s *Session, d time.Duration) {
		t := time.NewTimer(d)
		defer t.Stop()
		ev := s.current()
		select {
		case <-t.C:
		case <-ev.done:
			(&thread{s: s, ev: ev}).wait()
		case <-s.life.done:
			(&thread{s: s, ev: s.life}).wait()
		}
	}},
	{"time|After", time.After},
	{"time|Tick", time.Tick},

	{"sort|Slice", (*Session).sortSlice},
	{"sort|SliceStable", (*Session).sortSlice},
	// sort.Float64s would be an instance of the generic sort that hardly a program has.
	{"sort|Float64s", func(l []float64) {
		sort.Slice(l, func(i, j int) bool { return l[i] < l[j] || l[i] != l[i] && l[j] == l[j] })
	}},
}

// readAll is io.ReadAll of no more than a value of the console may have.
func (s *Session) readAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	s.checkSize(int64(len(b)))
	return b, err
}

// intercept is the session's form of a function, the zero Value where it has none.
func (s *Session) intercept(path, name string) reflect.Value {
	for _, x := range intercepted {
		if x.name == path+"|"+name {
			return s.bind(reflect.ValueOf(x.x))
		}
	}
	return reflect.Value{}
}

// bind makes a function of those after it of one that takes the session first.
func (s *Session) bind(f reflect.Value) reflect.Value {
	t := f.Type()
	if t.NumIn() == 0 || t.In(0) != reflect.TypeFor[*Session]() {
		return f
	}
	var in, out []reflect.Type
	for i := 1; i < t.NumIn(); i++ {
		in = append(in, t.In(i))
	}
	for i := range t.NumOut() {
		out = append(out, t.Out(i))
	}
	call := f.Call
	if t.IsVariadic() {
		call = f.CallSlice
	}
	return reflect.MakeFunc(reflect.FuncOf(in, out, t.IsVariadic()), func(args []reflect.Value) []reflect.Value {
		return call(append([]reflect.Value{reflect.ValueOf(s)}, args...))
	})
}

func exit(what string) { panic(&stopError{&exitError{what}}) }

// asError is x as an error whose methods may be called, nil where it is none.
func (s *Session) asError(x any) error {
	if err, ok := x.(error); ok {
		if safeError(x) {
			return err
		}
		return nil
	}
	if x == nil {
		return nil
	}
	if v := reflect.ValueOf(x); s.types.of(v.Type()).missing(s.types.of(errorType)) == "" {
		if r, err := s.box(v, errorType); err == nil {
			return r.Interface().(error)
		}
	}
	return nil
}

// safeError says that whoever gets the error may call its methods.
func safeError(x any) bool {
	if _, ok := x.(bridged); ok {
		return true
	}
	return hazardOf(reflect.TypeOf(x)).of == nil
}

//go:noinline
func (s *Session) logger() *log.Logger { return log.New(s.out, "", log.LstdFlags) }

// writer is w, or the session's output where it is that of the program.
func (s *Session) writer(w io.Writer) io.Writer {
	if f, ok := w.(*os.File); ok && (f == os.Stdout || f == os.Stderr) {
		return s.out
	}
	return w
}

func (s *Session) sortSlice(x any, less func(i, j int) bool) {
	v := reflect.ValueOf(x)
	if v.Kind() != reflect.Slice {
		throw("sort.Slice of a value that is no slice")
	}
	sort.Stable(&sliceSorter{v, less})
}

type sliceSorter struct {
	v    reflect.Value
	less func(i, j int) bool
}

func (s *sliceSorter) Len() int           { return s.v.Len() }
func (s *sliceSorter) Less(i, j int) bool { return s.less(i, j) }

// Swap is reflect.Swapper's, without its ways for each size of elements.
func (s *sliceSorter) Swap(i, j int) {
	a, b := s.v.Index(i), s.v.Index(j)
	t := copyOf(a)
	a.Set(b)
	b.Set(t)
}

// errorsAs is errors.As that knows the session's types.
func (s *Session) errorsAs(err error, target any) bool {
	p := reflect.ValueOf(target)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		panic("errors: target must be a non-nil pointer")
	}
	want := s.types.of(p.Type().Elem())
	test := s.asserter(want)
	for ; err != nil; err = errors.Unwrap(err) {
		var e any = err
		if v, ok := test(unbridge(reflect.ValueOf(&e).Elem())); ok {
			p.Elem().Set(v)
			return true
		}
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range many.Unwrap() {
				if s.errorsAs(e, target) {
					return true
				}
			}
			return false
		}
	}
	return false
}
