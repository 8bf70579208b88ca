package eval

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/ispyd/ispyd/internal/symbols"
)

// Package implements Program.
func (l *Live) Package(name string) (string, []string, error) {
	if !l.open() {
		return l.bare.pkg(name), nil, nil
	}
	for _, p := range packages(l.x) {
		if p == name {
			return p, nil, nil
		}
	}
	paths := l.short[name]
	switch len(paths) {
	case 0:
		return "", nil, nil
	case 1:
		return paths[0], nil, nil
	}
	if p, ok := only(paths, func(p string) bool {
		return !strings.Contains("/"+p, "/internal/") && !strings.Contains("/"+p, "/vendor/")
	}); ok {
		return p, nil, nil
	}
	others := func(taken string) (l []string) {
		for _, p := range paths {
			if p != taken {
				l = append(l, p)
			}
		}
		return l
	}
	// A binary does not tell what package main imports, but of what types its
	// variables, parameters and results are.
	used := l.usedByMain()
	fewest := 1 << 10
	for _, p := range paths {
		fewest = min(fewest, strings.Count(p, "/"))
	}
	for _, ok := range []func(string) bool{
		func(p string) bool { return used[p] },
		func(p string) bool { first, _, _ := strings.Cut(p, "/"); return standard[first] },
		func(p string) bool { return strings.Count(p, "/") == fewest },
	} {
		if p, ok := only(paths, ok); ok {
			return p, others(p), nil
		}
	}
	return "", nil, fmt.Errorf("%s is ambiguous: import one of %s", name, strings.Join(paths, ", "))
}

// only is the one of a list for which f holds; ok is false where there is not one.
func only(list []string, f func(string) bool) (one string, ok bool) {
	for _, p := range list {
		if f(p) {
			if ok {
				return "", false
			}
			one, ok = p, true
		}
	}
	return one, ok
}

// standard are the first elements of import paths of the standard library that have
// packages below them.
var standard = map[string]bool{"archive": true, "compress": true, "container": true, "crypto": true, "database": true, "debug": true, "encoding": true, "go": true, "hash": true, "html": true,
	"image": true, "index": true, "log": true, "math": true, "mime": true, "net": true, "os": true, "path": true, "regexp": true, "runtime": true, "sync": true, "testing": true, "text": true, "time": true, "unicode": true}

// usedByMain are the packages of types that names of package main have.
func (l *Live) usedByMain() map[string]bool {
	if l.used != nil {
		return l.used
	}
	l.used = map[string]bool{}
	note := func(t *symbols.Type) {
		for t != nil && t.Name() == "" && t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t == nil {
			return
		}
		if p, _, ok := l.x.Package(strings.TrimLeft(t.Name(), "*[]")); ok {
			l.used[p] = true
		}
	}
	for _, n := range l.x.Vars("main") {
		if v, err := l.x.Var(n); err == nil {
			note(v.Type)
		}
	}
	for _, n := range l.x.Funcs("main") {
		if f, err := l.x.Func(n); err == nil {
			for _, p := range f.Params {
				note(p.Type)
			}
		}
	}
	return l.used
}
