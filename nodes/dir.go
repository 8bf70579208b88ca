package nodes

import (
	"context"
	"io/fs"
	"maps"
	"slices"
	"sync"
)

// Folder is a directory of fixed or slowly changing children.
type Folder struct {
	base
	mu       sync.RWMutex
	children map[string]child
}

type child struct {
	node   Node
	listed bool
}

// Directory returns a Folder. It panics where a child's name is not valid or is
// there twice: the tree is built by the program.
func Directory(name, doc string, children ...Node) *Folder {
	d := &Folder{base: base{name, doc}, children: make(map[string]child, len(children))}
	for _, c := range children {
		if err := d.Add(c); err != nil {
			panic("nodes: Directory " + name + ": " + err.Error())
		}
	}
	return d
}

// unlisted marks a node for Folder.
type unlisted struct{ Node }

// Unlisted marks a child of a [Folder] as one that can be walked to but is not
// listed, because reading it costs or disturbs. README tells of it.
func Unlisted(n Node) Node { return unlisted{n} }

// Add puts a node into the folder: fs.ErrExist where its name is taken,
// fs.ErrInvalid where it is no valid name.
func (d *Folder) Add(n Node) error {
	c := child{n, true}
	if u, ok := n.(unlisted); ok {
		c = child{u.Node, false}
	}
	name := c.node.Name()
	if !ValidName(name) {
		return Errorf(fs.ErrInvalid, "%q cannot be a file name", printable(name))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, taken := d.children[name]; taken {
		return Errorf(fs.ErrExist, "%s: already there", name)
	}
	d.children[name] = c
	return nil
}

// Remove takes the child called name out, if there is one. Files that are open
// stay readable.
func (d *Folder) Remove(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.children, name)
}

// Lookup implements Dir.
func (d *Folder) Lookup(_ context.Context, name string) (Node, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	c, ok := d.children[name]
	if !ok {
		return nil, notExist(printable(name))
	}
	return c.node, nil
}

// List implements Dir: the listed children, by name.
func (d *Folder) List(context.Context) ([]Node, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.sorted(func(c child) bool { return c.listed }), nil
}

// all returns every child, listed or not, by name.
func (d *Folder) all() []Node {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.sorted(func(child) bool { return true })
}

// sorted returns the children that are wanted, by the names that they were added
// under: no code of theirs runs.
func (d *Folder) sorted(want func(child) bool) []Node {
	list := make([]Node, 0, len(d.children))
	for _, name := range slices.Sorted(maps.Keys(d.children)) {
		if c := d.children[name]; want(c) {
			list = append(list, c.node)
		}
	}
	return list
}

type dynamic struct {
	base
	lookup   func(context.Context, string) (Node, error)
	list     func(context.Context) ([]Node, error)
	patterns []Help
}

// Dynamic returns a directory whose children come and go. lookup returns the
// child of a name, or fs.ErrNotExist; list the listed ones, in the order in
// which they are shown; a nil list is an empty one. Both must be cheap and
// return soon. patterns tell README what kinds of names there are, so that it
// need not list what changes: Help{Path: "ID", Kind: KindText, Doc: "one
// request"}.
func Dynamic(name, doc string, lookup func(ctx context.Context, name string) (Node, error), list func(ctx context.Context) ([]Node, error), patterns ...Help) Dir {
	return &dynamic{base{name, doc}, lookup, list, patterns}
}

func (d *dynamic) Lookup(ctx context.Context, name string) (Node, error) {
	n, err := d.lookup(ctx, name)
	if err == nil && n == nil {
		return nil, notExist(printable(name))
	}
	return n, err
}

func (d *dynamic) List(ctx context.Context) ([]Node, error) {
	if d.list == nil {
		return nil, nil
	}
	return d.list(ctx)
}

// Explain implements Explainer.
func (d *dynamic) Explain() []Help { return d.patterns }
