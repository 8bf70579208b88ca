// Package vars is the plugin that shows the program's expvars: each a file, as text
// and as JSON, each expvar.Map a directory. It is passed to Start by programs that
// publish some:
//
//	srv, err := ispyd.Start("ispyd.toml", vars.Plugin)
//
// It is not built in because importing expvar adds /debug/vars to the program's
// default mux.
package vars

import (
	"context"
	"encoding/json"
	"expvar"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

const doc = "the variables that the program publishes (expvar)"

// Plugin is the directory vars. Its section of the configuration has no keys.
var Plugin = plugins.Plugin{Name: "vars", Doc: doc, Open: open}

func open(c plugins.Config) (nodes.Dir, io.Closer, error) {
	if err := c.Decode(&struct{}{}); err != nil {
		return nil, nil, err
	}
	s := shower{c.Redact(), new(files)}
	return s.dir("vars", doc, top{}, false, 0), nil, nil
}

// variables is a set of variables: a *expvar.Map, or all that are published.
type variables interface {
	Get(name string) expvar.Var
	Do(func(expvar.KeyValue))
}

// top is all that are published.
type top struct{}

func (top) Get(name string) expvar.Var    { return expvar.Get(name) }
func (top) Do(f func(kv expvar.KeyValue)) { expvar.Do(f) }

// maxDepth is how deep maps are shown in maps: one may hold itself.
const maxDepth = 16

// shower shows variables.
type shower struct {
	r     *redact.Redactor
	files *files
}

// dir is the directory of v, at a depth. Secret says that its name, or that of a
// map around it, speaks of secrets.
func (s shower) dir(name, doc string, v variables, secret bool, depth int) nodes.Dir {
	return nodes.Dynamic(name, doc, func(_ context.Context, name string) (nodes.Node, error) {
		if n := s.node(name, v, secret, depth); n != nil {
			return n, nil
		}
		stem, ok := strings.CutSuffix(name, ".json")
		if !ok {
			return nil, nil
		}
		if m, ok := find(v, stem).(*expvar.Map); ok && m != nil {
			return s.files.get(fileKey{m, name, "", secret, depth}, func() nodes.Node {
				return s.whole(name, stem, m, secret || s.r.Name(nodes.Unescape(stem)), depth+1)
			}), nil
		}
		return nil, nil
	}, func(context.Context) ([]nodes.Node, error) {
		// Do holds a lock: nothing else is done under it.
		var names []string
		v.Do(func(kv expvar.KeyValue) { names = append(names, kv.Key) })
		slices.Sort(names)
		var list []nodes.Node
		for _, name := range names {
			file := nodes.Escape(name)
			if !nodes.ValidName(file) {
				continue
			}
			if n := s.node(file, v, secret, depth); n != nil {
				list = append(list, n)
			}
		}
		return list, nil
	},
		nodes.Help{Path: "NAME", Kind: nodes.KindText, Doc: "one variable; an expvar.Map is a directory of such files, and NAME.json all of it"})
}

// find returns the variable that a file shows, nil where there is none.
func find(v variables, file string) expvar.Var {
	name := nodes.Unescape(file)
	if nodes.Escape(name) != file {
		return nil
	}
	return v.Get(name)
}

// node returns the file or directory of a variable, nil where there is none.
func (s shower) node(file string, v variables, secret bool, depth int) nodes.Node {
	x := find(v, file)
	if x == nil {
		return nil
	}
	name := nodes.Unescape(file)
	secret = secret || s.r.Name(name)
	shown := string(nodes.AppendEscaped(nil, name))
	if m, ok := x.(*expvar.Map); ok {
		if m == nil || depth == maxDepth {
			return nil
		}
		return s.dir(file, "the map "+shown, m, secret, depth+1)
	}
	is := typeOf(x)
	return s.files.get(fileKey{v, file, is, secret, depth}, func() nodes.Node {
		return s.single(file, v, secret, "the variable "+shown+", "+is)
	})
}

// single is the file of a variable that is no map.
func (s shower) single(file string, v variables, secret bool, doc string) nodes.File {
	name := nodes.Unescape(file)
	render := func(form func([]byte) []byte) func(context.Context, io.Writer) error {
		return func(_ context.Context, w io.Writer) error {
			// It may be another one by now.
			x := find(v, file)
			if _, isMap := x.(*expvar.Map); x == nil || isMap {
				return nodes.Errorf(fs.ErrNotExist, "%s: no such variable any more", file)
			}
			b := form(s.shown(name, x.String(), secret))
			if len(b) > nodes.MaxRendering {
				return nodes.Errorf(nodes.ErrTooLarge, "%d bytes: more than %d are not shown", len(b), nodes.MaxRendering)
			}
			_, err := w.Write(b)
			return err
		}
	}
	return nodes.TextJSON(file, doc, render(textOf), render(indented))
}

// typeOf says in a doc line what a variable is.
func typeOf(v expvar.Var) string {
	switch v.(type) {
	case *expvar.Int:
		return "a whole number"
	case *expvar.Float:
		return "a number"
	case *expvar.String:
		return "a string"
	case expvar.Func:
		return "computed by the program when it is read"
	}
	return "made by the program when it is read"
}

// whole is a map as JSON. It is not made by the map's String, which does not end
// where a map holds itself.
func (s shower) whole(file, stem string, m *expvar.Map, secret bool, depth int) nodes.File {
	shown := string(nodes.AppendEscaped(nil, nodes.Unescape(stem)))
	return nodes.Text(file, "the map "+shown+", as JSON", func(ctx context.Context, w io.Writer) error {
		b, err := s.mapJSON(ctx, nil, m, secret, depth)
		if err != nil {
			return err
		}
		_, err = w.Write(indented(b))
		return err
	})
}

func (s shower) mapJSON(ctx context.Context, b []byte, m *expvar.Map, secret bool, depth int) ([]byte, error) {
	var list []expvar.KeyValue
	m.Do(func(kv expvar.KeyValue) { list = append(list, kv) })
	b = append(b, '{')
	for i, kv := range list {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, quoted(kv.Key)...), ':')
		secret := secret || s.r.Name(kv.Key)
		inner, isMap := kv.Value.(*expvar.Map)
		switch {
		case kv.Value == nil || isMap && (inner == nil || depth == maxDepth):
			b = append(b, "null"...)
		case isMap:
			var err error
			if b, err = s.mapJSON(ctx, b, inner, secret, depth+1); err != nil {
				return nil, err
			}
		default:
			b = append(b, s.member(kv, secret)...)
		}
		// Indenting makes it no more than a few times as large.
		if len(b) > nodes.MaxRendering/4 {
			return nil, nodes.Errorf(nodes.ErrTooLarge, "more than %d bytes are not shown at once: read the variables one by one", nodes.MaxRendering/4)
		}
	}
	return append(b, '}'), nil
}

// member is a variable in its map; one that panics is null.
func (s shower) member(kv expvar.KeyValue, secret bool) []byte {
	b := []byte("null")
	nodes.Protect(func() error {
		b = s.shown(kv.Key, kv.Value.String(), secret)
		return nil
	})
	return b
}

func quoted(s string) []byte {
	b, _ := json.Marshal(s)
	return b
}
