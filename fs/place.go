package fs

import (
	"context"
	"strings"

	"github.com/hugelgupf/p9/linux"

	"github.com/ispyd/ispyd/nodes"
)

// place is a node and the way to it. It never changes. Exactly one of dir and
// file is set.
type place struct {
	up    *place // nil for the root
	name  string
	depth int
	found
	qid qid
}

// found is a node as a lookup or a list gives it.
type found struct {
	dir  nodes.Dir
	file nodes.File
	attr nodes.Attr // of file, as it was then
	own  bool       // file is one of package nodes, which bounds itself
}

// qid is how 9P identifies a file. The version, which would tell one content
// from another, is always 0.
type qid struct {
	typ  byte
	path uint64
}

// The type of a QID tells clients what they must know before they open a file.
const (
	qidDir    = 0x80
	qidAppend = 0x40 // it grows while it is read: a stream
	qidTemp   = 0x04 // its first read may take long: a capture, a session
)

func appendQID(b []byte, q qid) []byte {
	b = append(b, q.typ)
	b = le.AppendUint32(b, 0)
	return le.AppendUint64(b, q.path)
}

func newRoot(dir nodes.Dir) *place {
	const offsetBasis = 14695981039346656037 // FNV-1a's
	return &place{found: found{dir: dir}, qid: qid{qidDir, offsetBasis}}
}

// path is the place's path from the root, slash-separated; "." for the root.
func (p *place) path() string {
	if p.up == nil {
		return "."
	}
	names := make([]string, p.depth)
	for ; p.up != nil; p = p.up {
		names[p.depth-1] = p.name
	}
	return strings.Join(names, "/")
}

// below returns the place of a node called name in p.
func (p *place) below(name string, f found) *place {
	return &place{up: p, name: name, depth: p.depth + 1, found: f, qid: p.qidBelow(name, f)}
}

// qidBelow makes the QID of what was found in p. Its path is FNV-1a over the
// names, so that a file has the same on every connection and in every run.
func (p *place) qidBelow(name string, f found) qid {
	const prime = 1099511628211
	h := (p.qid.path ^ '/') * prime
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * prime
	}
	q := qid{path: h}
	if f.dir != nil {
		q.typ = qidDir
	}
	if f.attr.Kind == nodes.KindStream {
		q.typ |= qidAppend
	}
	if f.attr.Slow {
		q.typ |= qidTemp
	}
	return q
}

// inspect finds out what n is. It calls n.Attr: the code of others is inspected
// where it can do no harm.
func inspect(n nodes.Node) (found, error) {
	switch n := n.(type) {
	case nodes.Dir:
		return found{dir: n}, nil
	case nodes.File:
		return found{file: n, attr: n.Attr(), own: isOwn(n)}, nil
	}
	return found{}, nodes.Errorf(linux.EIO, "neither a file nor a directory, but a %T", n)
}

// lookup finds name in p. If that is to be done in memory it reports false where
// it would run code other than that of package nodes.
func lookup(ctx context.Context, p *place, name string, inMemory bool) (found, bool, error) {
	if folder, ok := p.dir.(*nodes.Folder); ok {
		switch n, err := folder.Lookup(ctx, name); {
		case err == nil && isOwn(n):
			f, err := inspect(n)
			return f, true, err
		case err != nil && !mayBeTwin(ctx, folder, name):
			return found{}, true, err
		}
	}
	if inMemory {
		return found{}, false, nil
	}
	n, err := nodes.Lookup(ctx, p.dir, name)
	if err != nil {
		return found{}, true, err
	}
	f, err := inspect(n)
	return f, true, err
}

// mayBeTwin reports whether name could be that of a .json twin.
func mayBeTwin(ctx context.Context, folder *nodes.Folder, name string) bool {
	stem, ok := strings.CutSuffix(name, ".json")
	if !ok {
		return false
	}
	_, err := folder.Lookup(ctx, stem)
	return err == nil
}
