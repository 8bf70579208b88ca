// Package proflabel knows how runtime/pprof lays out the labels of contexts and
// goroutines, and proves it before anybody relies on it.
package proflabel

import (
	"context"
	"reflect"
	"runtime/pprof"
	"sync"
)

// Set is the layout: the runtime keeps a pointer to one in each goroutine with labels.
type Set struct{ List []Pair }

// Pair is one label.
type Pair struct{ Key, Value string }

// asked is a context that keeps what it is asked for.
type asked struct {
	context.Context
	key any
}

func (a *asked) Value(key any) any {
	a.key = key
	return nil
}

// Layout returns what runtime/pprof asks a context for its labels with, and the type
// of the answer, less the pointer, which is laid out as a [Set]. Both are nil where
// labels are kept in another way than is known here.
func Layout() (key any, of reflect.Type) { return layout() }

var layout = sync.OnceValues(func() (key any, of reflect.Type) {
	a := &asked{Context: context.Background()}
	pprof.ForLabels(a, func(string, string) bool { return true })
	if a.key == nil {
		return nil, nil
	}
	sample := pprof.WithLabels(context.Background(), pprof.Labels("key", "value")).Value(a.key)
	t := reflect.TypeOf(sample)
	if t == nil || t.Kind() != reflect.Pointer || !sameLayout(t.Elem(), reflect.TypeFor[Set]()) {
		return nil, nil
	}
	return a.key, t.Elem()
})

// sameLayout reports whether two types are the same but for names, and for
// structs around a single field.
func sameLayout(a, b reflect.Type) bool {
	for a.Kind() == reflect.Struct && a.NumField() == 1 {
		a = a.Field(0).Type
	}
	for b.Kind() == reflect.Struct && b.NumField() == 1 {
		b = b.Field(0).Type
	}
	if a.Kind() != b.Kind() || a.Size() != b.Size() {
		return false
	}
	switch a.Kind() {
	case reflect.String:
		return true
	case reflect.Slice:
		return sameLayout(a.Elem(), b.Elem())
	case reflect.Struct:
		if a.NumField() != b.NumField() {
			return false
		}
		for i := range a.NumField() {
			if !sameLayout(a.Field(i).Type, b.Field(i).Type) || a.Field(i).Offset != b.Field(i).Offset {
				return false
			}
		}
		return true
	}
	return false
}
