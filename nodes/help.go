package nodes

import (
	"context"
	"fmt"
	"path"
	"strings"
)

// Help is what one line of README tells.
type Help struct {
	// Path is slash-separated, relative to the directory that is explained.
	// Words in capitals stand for names that come and go: requests/ID.
	Path string
	Kind Kind
	Doc  string
}

// Explainer is implemented by directories whose children come and go: Explain
// returns the kinds of names that can be found there.
type Explainer interface {
	Dir
	Explain() []Help
}

const (
	maxHelpDepth = 16
	maxHelpLines = 10000
)

// Explain describes what is below dir, itself left out: all children of a
// [Folder], listed or not, the patterns of an [Explainer], what other
// directories list. It ends after 16 levels and 10,000 lines.
func Explain(ctx context.Context, dir Dir) []Help {
	return explain(ctx, nil, dir, "", 0)
}

func explain(ctx context.Context, lines []Help, dir Dir, at string, depth int) []Help {
	if depth == maxHelpDepth || len(lines) >= maxHelpLines {
		return lines
	}
	if e, ok := dir.(Explainer); ok {
		for _, h := range e.Explain() {
			h.Path = path.Join(at, h.Path)
			lines = append(lines, h)
		}
		if len(e.Explain()) > 0 {
			return lines
		}
	}
	for _, n := range childrenOf(ctx, dir) {
		h, ok := helpOf(n, at)
		if !ok {
			continue
		}
		lines = append(lines, h)
		if d, ok := n.(Dir); ok {
			lines = explain(ctx, lines, d, h.Path, depth+1)
		}
		if len(lines) >= maxHelpLines {
			break
		}
	}
	return lines
}

// helpOf is the line about one node; a node that panics, or is none, has none.
func helpOf(n Node, at string) (h Help, ok bool) {
	err := Protect(func() error {
		switch n := n.(type) {
		case Dir:
			h, ok = Help{path.Join(at, n.Name()), KindDir, n.Doc()}, true
		case File:
			h, ok = Help{path.Join(at, n.Name()), n.Attr().Kind, n.Doc()}, true
		}
		return nil
	})
	return h, ok && err == nil
}

func childrenOf(ctx context.Context, dir Dir) (list []Node) {
	if f, ok := dir.(*Folder); ok {
		return f.all()
	}
	Protect(func() (err error) {
		list, err = dir.List(ctx)
		return err
	})
	return list
}

// Readme returns a file called name that explains what is below dir: path, tab,
// kind, tab, doc, one line each, under a header line.
func Readme(name, doc string, dir Dir) File {
	return Value(name, doc, func(ctx context.Context) ([]readmeLine, error) {
		var lines []readmeLine
		for _, h := range Explain(ctx, dir) {
			lines = append(lines, readmeLine(h))
		}
		return lines, nil
	})
}

type readmeLine struct {
	Path string `json:"path"`
	Kind Kind   `json:"kind"`
	Doc  string `json:"doc"`
}

// Walk returns the node at a slash-separated path below dir, "" or "." for dir
// itself.
func Walk(ctx context.Context, dir Dir, name string) (Node, error) {
	var n Node = dir
	if name == "" || name == "." {
		return n, nil
	}
	for i, elem := range strings.Split(name, "/") {
		d, ok := n.(Dir)
		if !ok {
			return nil, notExist(fmt.Sprintf("%s: %s is a file", printable(name), n.Name()))
		}
		if !ValidName(elem) {
			return nil, notExist(printable(name))
		}
		var err error
		if n, err = Lookup(ctx, d, elem); err != nil {
			return nil, fmt.Errorf("element %d: %w", i+1, err)
		}
	}
	return n, nil
}
