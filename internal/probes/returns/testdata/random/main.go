// Program random probes functions that a test has generated, and compares what
// the probes see with what the functions were given and return.
package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"reflect"
	"runtime"
	"unsafe"

	"github.com/ispyd/ispyd/internal/probes/debuginfo"
	"github.com/ispyd/ispyd/internal/probes/jump"
	"github.com/ispyd/ispyd/internal/probes/returns"
	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/internal/symbols/pclntab"
)

// testCase is a generated function. args and results point to structs with a
// field for each parameter that it was declared with; call calls it with args and
// stores what it returns in got.
type testCase struct {
	name               string // without the shapes of its type arguments
	args, results, got any
	call               func()
}

var cases []testCase

var failures, nowhere int

func failf(format string, a ...any) {
	failures++
	if failures < 40 {
		fmt.Printf("FAIL "+format+"\n", a...)
	}
}

//go:noinline
func touch(b []byte) {
	for i := range b {
		b[i] = byte(i)
	}
}

func main() {
	x, err := symbols.Open(context.Background())
	if err != nil {
		fmt.Println("FAIL", err)
		os.Exit(1)
	}
	defer x.Close()
	t, err := pclntab.Open()
	if err != nil {
		fmt.Println("FAIL", err)
		os.Exit(1)
	}
	names := map[string]string{}
	for f := range t.Funcs {
		names[pclntab.Display(f.Name())] = f.Name()
	}
	rnd := rand.New(rand.NewSource(1))
	errs, observed := 0, 0
	for i, c := range cases {
		fill(reflect.ValueOf(c.args).Elem(), rnd, 0)
		fill(reflect.ValueOf(c.results).Elem(), rnd, 0)
		name := names[c.name]
		fn, err := debuginfo.Function(x, name)
		if err != nil {
			failf("%s: %v", c.name, err)
			continue
		}
		if i%7 == 0 {
			runtime.GC()
		}
		errs += insertError(c, fn)
		observed += observe(c, fn)
	}
	if err := jump.Close(); err != nil {
		failf("%v", err)
	}
	diff, err := jump.Verify()
	if err != nil || len(diff) > 0 {
		failf("code differs: %v %v", diff, err)
	}
	fmt.Printf("cases %d errors %d observed %d failures %d without landing %d\n", len(cases), errs, observed, failures, nowhere)
	if failures > 0 {
		os.Exit(1)
	}
}

func run(c testCase) {
	c.call()
	if !reflect.DeepEqual(c.got, c.results) {
		failf("%s returned %v, want %v", c.name, c.got, c.results)
	}
}

// noLanding counts functions whose jumps all land in memory that is in use. That
// depends on where the program's data are; the test says how many there may be.
func noLanding(err error) bool {
	var r *returns.Refusal
	if errors.As(err, &r) && r.Reason == returns.NoLanding {
		nowhere++
		return true
	}
	return false
}

func insertError(c testCase, fn returns.Function) int {
	results := reflect.ValueOf(c.results).Elem()
	last := -1
	for i := range results.NumField() {
		if results.Field(i).Type() == reflect.TypeFor[error]() {
			last = i
		}
	}
	got := make(chan *returns.Capture, 1)
	p, err := returns.InsertError(fn, returns.ErrorOptions{Share: -1, OnCapture: func(c *returns.Capture) { got <- c }})
	var r *returns.Refusal
	if last < 0 && errors.As(err, &r) && r.Reason == returns.NoError {
		return 0
	}
	if noLanding(err) {
		return 0
	}
	if err != nil {
		failf("%v", err)
		return 0
	}
	// A nil error first, which must not be captured; then the error.
	field := results.Field(last)
	want := field.Interface()
	field.SetZero()
	run(c)
	field.Set(reflect.ValueOf(want))
	run(c)
	k := <-got
	if err := p.Remove(); err != nil {
		failf("%s: %v", c.name, err)
	}
	if s := p.Stats(); s.Hits != 1 || s.Captured != 1 {
		failf("%s: %+v", c.name, s)
	}
	run(c)
	words := *(*[2]uintptr)(unsafe.Pointer(field.UnsafeAddr()))
	if k.Error.Itab != words[0] || k.Error.Data != words[1] {
		failf("%s: error %#x %#x, want %#x", c.name, k.Error.Itab, k.Error.Data, words)
	}
	if k.Error.Type != reflect.TypeOf(want).String() || k.Error.Value != nil && k.Error.Value != want {
		failf("%s: error %+v, want %#v", c.name, k.Error, want)
	}
	// While the collector marks, an error is not kept, and only common types have a text.
	if k.Error.Text != want.(error).Error() && (k.Error.Value != nil || k.Error.Text != "") {
		failf("%s: text %q, want %q", c.name, k.Error.Text, want)
	}
	compare(c.name+" result", k.Results, results)
	return 1
}

func observe(c testCase, fn returns.Function) int {
	got := make(chan *returns.Call, 1)
	ended := make(chan returns.End, 1)
	_, err := returns.Observe(fn, returns.ObserveOptions{Count: 1, Share: -1,
		OnCall: func(c *returns.Call) { got <- c },
		OnEnd:  func(_ *returns.Probe, e returns.End) { ended <- e }})
	if noLanding(err) {
		return 0
	}
	if err != nil {
		failf("%v", err)
		return 0
	}
	run(c)
	k := <-got
	if e := <-ended; e.Reason != returns.Count {
		failf("%s: ended: %v", c.name, e)
	}
	run(c)
	compare(c.name+" argument", k.Args, reflect.ValueOf(c.args).Elem())
	compare(c.name+" result", k.Results, reflect.ValueOf(c.results).Elem())
	return 1
}

// compare rebuilds the values, which the globals keep alive, from their images.
func compare(what string, got []returns.Value, want reflect.Value) {
	if len(got) != want.NumField() {
		failf("%s: %d values, want %d", what, len(got), want.NumField())
		return
	}
	for i, v := range got {
		w := want.Field(i)
		if v.Data == nil {
			continue // too far up the stack
		}
		p := reflect.New(w.Type())
		if copy(unsafe.Slice((*byte)(p.UnsafePointer()), w.Type().Size()), v.Data) != int(w.Type().Size()) || v.Type.Size != int64(w.Type().Size()) {
			failf("%s %d (%v): %d bytes", what, i, w.Type(), len(v.Data))
			continue
		}
		if !reflect.DeepEqual(p.Elem().Interface(), w.Interface()) {
			failf("%s %d (%v) = %v, want %v", what, i, w.Type(), p.Elem(), w)
		}
		if w.Kind() == reflect.String {
			if s, ok := v.ReadString(1000); !ok || s != w.String() {
				failf("%s %d: string %q, want %q", what, i, s, w)
			}
		}
		runtime.KeepAlive(want)
	}
}

type valueError int

func (e valueError) Error() string { return fmt.Sprint("value ", int(e)) }

type pointerError struct{ a, b int }

func (e *pointerError) Error() string { return fmt.Sprint("pointer ", e.a) }

// fill sets every part of v that is not blank.
func fill(v reflect.Value, r *rand.Rand, depth int) {
	if !v.CanSet() {
		v = reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.Intn(2) == 1)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(r.Int63() - r.Int63())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(r.Uint64())
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(float32(r.NormFloat64())))
	case reflect.Complex64, reflect.Complex128:
		v.SetComplex(complex(float64(r.Intn(1000)), float64(r.Intn(1000))))
	case reflect.String:
		v.SetString(fmt.Sprint("string ", r.Intn(1e6)))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1+r.Intn(3), 5))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
	case reflect.Chan:
		v.Set(reflect.MakeChan(v.Type(), 1))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Interface:
		var x any
		switch r.Intn(4) {
		case 0:
			x = valueError(r.Intn(1e6))
		case 1:
			x = &pointerError{r.Int(), 1}
		case 2:
			x = fmt.Errorf("wrapped: %w", os.ErrNotExist)
		case 3:
			x = errors.New(fmt.Sprint("plain ", r.Intn(1e6)))
		}
		v.Set(reflect.ValueOf(x))
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), r, depth+1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name != "_" {
				fill(v.Field(i), r, depth+1)
			}
		}
	}
}
