package eval

import (
	"context"
	"reflect"
	"sync"
)

// oneAtATime lets one goroutine of a session ask the program at a time: those that
// format values ask too, while a request is compiled.
type oneAtATime struct {
	mu sync.Mutex
	p  Program
}

func (o *oneAtATime) lock() func() {
	o.mu.Lock()
	return o.mu.Unlock
}

func (o *oneAtATime) Begin(ctx context.Context) {
	defer o.lock()()
	o.p.Begin(ctx)
}

func (o *oneAtATime) Package(name string) (string, []string, error) {
	defer o.lock()()
	return o.p.Package(name)
}

func (o *oneAtATime) Lookup(path, name string) (Member, error) {
	defer o.lock()()
	return o.p.Lookup(path, name)
}

func (o *oneAtATime) Method(t reflect.Type, name string) (Func, error) {
	defer o.lock()()
	return o.p.Method(t, name)
}

func (o *oneAtATime) Function(name string, t reflect.Type) (Func, error) {
	defer o.lock()()
	return o.p.Function(name, t)
}

func (o *oneAtATime) Methods(t reflect.Type) []string {
	defer o.lock()()
	return o.p.Methods(t)
}

func (o *oneAtATime) TypeName(t reflect.Type) string {
	defer o.lock()()
	return o.p.TypeName(t)
}

func (o *oneAtATime) Missing() error {
	defer o.lock()()
	return o.p.Missing()
}

func (o *oneAtATime) Packages() []string {
	defer o.lock()()
	return o.p.Packages()
}

func (o *oneAtATime) Names(path string) []string {
	defer o.lock()()
	return o.p.Names(path)
}

func (o *oneAtATime) Render(ctx context.Context, v reflect.Value) (string, bool) {
	defer o.lock()()
	return o.p.Render(ctx, v)
}

// Close does not wait for somebody who asks: then it is done afterwards.
func (o *oneAtATime) Close() error {
	if !o.mu.TryLock() {
		go func() {
			defer o.lock()()
			o.p.Close()
		}()
		return nil
	}
	defer o.mu.Unlock()
	return o.p.Close()
}
