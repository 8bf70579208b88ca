package globals

import (
	"context"
	"errors"
	"io/fs"
	"sort"
	"strings"

	"github.com/ispyd/ispyd/internal/live"
	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/nodes"
)

// root is the directory of packages without a slash, and of the first elements of
// the others.
func (p *plugin) root() nodes.Dir {
	top := p.top()
	return nodes.Dynamic("globals", doc,
		func(ctx context.Context, name string) (nodes.Node, error) {
			if name == top.Name() {
				return top, nil
			}
			return p.child(ctx, "", name)
		},
		func(ctx context.Context) ([]nodes.Node, error) { return p.list(ctx, "") },
		nodes.Help{Path: "PACKAGE.VARIABLE", Kind: p.kind(), Doc: "one variable in Go syntax; what was left out is said in a comment"},
		nodes.Help{Path: "DIRECTORY/PACKAGE.VARIABLE", Kind: p.kind(), Doc: "the same of a package with an import path, net/http.DefaultServeMux"},
		nodes.Help{Path: "PACKAGE.VARIABLE.FIELD[INDEX]", Kind: p.kind(), Doc: "a part of it, by selectors and indices: main.store.items[3].Tags; [2:5] and .(Type) too; a / is written %2F"},
		nodes.Help{Path: top.Name(), Kind: nodes.KindValue, Doc: top.Doc()},
	)
}

func (p *plugin) kind() nodes.Kind {
	if p.conf.Write {
		return nodes.KindVar
	}
	return nodes.KindText
}

// dir is the directory of the packages whose paths begin with prefix, which ends
// with a slash.
func (p *plugin) dir(name, prefix string) nodes.Dir {
	return nodes.Dynamic(name, "variables of packages below "+strings.TrimSuffix(prefix, "/"),
		func(ctx context.Context, name string) (nodes.Node, error) { return p.child(ctx, prefix, name) },
		func(ctx context.Context) ([]nodes.Node, error) { return p.list(ctx, prefix) },
	)
}

// list returns the directories and variables directly below prefix.
func (p *plugin) list(ctx context.Context, prefix string) (list []nodes.Node, err error) {
	x, err := symbols.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	last := ""
	for _, path := range x.Below(prefix) {
		first, _, deeper := strings.Cut(path[len(prefix):], "/")
		if deeper && first == last {
			continue
		}
		names := p.vars(x, path)
		if len(names) == 0 {
			continue
		}
		if deeper {
			last = first
			list = append(list, p.dir(first, prefix+first+"/"))
			continue
		}
		for _, name := range names {
			if file := name[len(prefix):]; nodes.ValidName(file) {
				list = append(list, p.variable(x, file, name))
			}
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Name() < list[j].Name() })
	return list, nil
}

// vars are the names of a package's variables that may be seen.
func (p *plugin) vars(x *symbols.Index, path string) []string {
	all := x.Vars(path)
	names := all[:0]
	for _, name := range all {
		if p.conf.allowed(path, name) {
			names = append(names, name)
		}
	}
	return names
}

// child is lookup, whose errors about names tell more than that there is none.
func (p *plugin) child(ctx context.Context, prefix, name string) (nodes.Node, error) {
	n, err := p.lookup(ctx, prefix, name)
	// Those that begin with a dot are what shells and editors look for anywhere.
	if errors.Is(err, fs.ErrNotExist) && !strings.HasPrefix(name, ".") {
		err = nodes.Errorf(nodes.ErrMisnamed, "%v", err)
	}
	return n, err
}

// lookup finds a directory, a variable, or a part of one.
func (p *plugin) lookup(ctx context.Context, prefix, file string) (nodes.Node, error) {
	x, err := symbols.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	if below := prefix + file + "/"; file != "" && len(x.Below(below)) > 0 {
		for _, path := range x.Below(below) {
			if len(p.vars(x, path)) > 0 {
				return p.dir(file, below), nil
			}
		}
		if _, err := x.Var(prefix + file); err != nil { // it is nothing else
			return nil, nodes.Errorf(fs.ErrNotExist, "%s: the configuration does not allow the variables below it to be seen", prefix+file)
		}
	}
	name, steps, err := p.parse(x, prefix+nodes.Unescape(file))
	if err != nil {
		return nil, err
	}
	if len(steps) == 0 {
		return p.variable(x, file, name), nil
	}
	// Whether there is such a part is known by going there.
	v := &variable{p: p, file: file, name: name, steps: steps}
	place, err := v.find(ctx, x, p.decoder(x))
	if err != nil {
		return nil, err
	}
	v.fixed = v.writable(place)
	return v, nil
}

// parse splits a full name into that of a variable, which exists, and the steps
// into it.
func (p *plugin) parse(x *symbols.Index, full string) (name string, steps []live.Step, err error) {
	pkg, rest, ok := x.Package(full)
	name = full
	if ok {
		if i := strings.IndexAny(rest, ".["); i >= 0 {
			name = pkg + "." + rest[:i]
			if rest[:i] == "" {
				return "", nil, nodes.Errorf(fs.ErrNotExist, "%s: there is no such variable", full)
			}
			if steps, err = live.ParsePath(rest[i:]); err != nil {
				// The name may be meant otherwise, x.json is.
				return "", nil, nodes.Errorf(fs.ErrNotExist, "%v", err)
			}
		}
	}
	if ok && !p.conf.allowed(pkg, name) {
		return "", nil, nodes.Errorf(fs.ErrNotExist, "%s: the configuration does not allow this variable to be seen", name)
	}
	if _, err := x.Var(name); err != nil {
		if c, cerr := x.Const(name); cerr == nil {
			err = nodes.Errorf(fs.ErrNotExist, "%s is a constant, %d, and no variable", name, c.Value)
		}
		return "", nil, err
	}
	return name, steps, nil
}

func (p *plugin) decoder(x *symbols.Index) *live.Decoder {
	c := &p.conf
	return &live.Decoder{Index: x, Hide: p.hide, Limits: live.Limits{Depth: c.Depth, Items: c.Items, String: c.String, Values: c.Values}}
}
