package compare

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/ispyd/ispyd/cmd/ispy/internal/copying"
	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// maxDepth is more than any tree has, and bounds one that has no end.
const maxDepth = 100

// pair is two files of the same name, or what is known without looking into them.
type pair struct {
	a, b  side
	known *result
}

// directories compares what is in two directories, by name.
func (d *differ) directories(ctx context.Context, a, b side) error {
	pairs := func(yield func(pair) bool) { d.walk(ctx, a, b, 0, yield) }
	return verb.InOrder(ctx, pairs, func(ctx context.Context, p pair) result {
		if p.known != nil {
			return *p.known
		}
		return d.files(ctx, p.a, p.b)
	}, d.show)
}

func (d *differ) walk(ctx context.Context, a, b side, depth int, yield func(pair) bool) bool {
	if depth > maxDepth {
		return yield(pair{known: &result{err: fmt.Errorf("%s: more than %d directories deep", a.name, maxDepth)}})
	}
	x, err := d.list(ctx, a, depth)
	if err != nil {
		return yield(pair{known: &result{err: err}})
	}
	y, err := d.list(ctx, b, depth)
	if err != nil {
		return yield(pair{known: &result{err: err}})
	}
	for len(x) > 0 || len(y) > 0 {
		order := 0
		switch {
		case len(x) == 0:
			order = 1
		case len(y) == 0:
			order = -1
		default:
			order = strings.Compare(x[0].Name(), y[0].Name())
		}
		more := true
		switch {
		case order < 0:
			more = yield(only(a, x[0].Name()))
			x = x[1:]
		case order > 0:
			more = yield(only(b, y[0].Name()))
			y = y[1:]
		default:
			p := pair{a: a.in(x[0].Name()), b: b.in(y[0].Name())}
			switch {
			case x[0].IsDir() && y[0].IsDir():
				more = d.walk(ctx, p.a, p.b, depth+1, yield)
			case x[0].IsDir() != y[0].IsDir():
				p.known = differently("File %s is a %s while file %s is a %s\n", p.a.name, kind(x[0]), p.b.name, kind(y[0]))
				more = yield(p)
			default:
				more = yield(p)
			}
			x, y = x[1:], y[1:]
		}
		if !more {
			return false
		}
	}
	return true
}

// list is what of a directory is compared, by name.
func (d *differ) list(ctx context.Context, s side, depth int) ([]fs.DirEntry, error) {
	entries, err := d.Space.ReadDir(ctx, s.abs)
	compared := make([]fs.DirEntry, 0, len(entries))
	for _, e := range entries {
		if !space.Asked(e) && (depth > 0 || e.Name() != copying.Manifest) {
			compared = append(compared, e)
		}
	}
	return compared, err
}

func only(s side, name string) pair {
	return pair{known: differently("Only in %s: %s\n", s.name, name)}
}

func differently(format string, args ...any) *result {
	return &result{text: fmt.Appendf(nil, format, args...), differ: true}
}

func kind(e fs.DirEntry) string {
	if e.IsDir() {
		return "directory"
	}
	return "regular file"
}
