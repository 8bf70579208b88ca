package complete

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
)

// The most that is read of a list of names.
const (
	maxList  = 16 << 20 // bytes
	maxNames = 500_000
)

// ctl lists the verbs of the ctl in the directory.
func (l *lookup) ctl(dir string) []space.CtlVerb {
	sp := l.sh.Space()
	verbs, err := remember(l.ctx, cacheKey{sp, "ctl", dir}, cacheAge, func() ([]space.CtlVerb, error) {
		return sp.Ctl(l.ctx, dir)
	})
	l.failed(dir, err)
	return verbs
}

// list returns the names that <what> stands for in the directory: the lines of the
// file of that name, or the names in the directory of that name.
func (l *lookup) list(dir, what string) []string {
	sp := l.sh.Space()
	names, err := remember(l.ctx, cacheKey{sp, "list", space.Abs(dir, what)}, cacheAgeList, func() ([]string, error) {
		return readList(l.ctx, sp, space.Abs(dir, what))
	})
	l.failed(dir, err)
	return names
}

func readList(ctx context.Context, sp *space.Space, abs string) ([]string, error) {
	text, err := readBounded(ctx, sp, abs)
	if !errors.Is(err, syscall.EISDIR) {
		return parseList(text), err
	}
	entries, err := sp.ReadDir(ctx, abs)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func readBounded(ctx context.Context, sp *space.Space, abs string) (string, error) {
	f, err := sp.Open(ctx, abs, os.O_RDONLY)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxList))
	return string(data), err
}

// parseList reads one name a line. A table has more than one column, and a header.
func parseList(text string) []string {
	var names []string
	header := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		name, _, table := strings.Cut(line, "\t")
		if table && !header && len(names) == 0 {
			header = true
			continue
		}
		if name != "" {
			names = append(names, name)
		}
		if len(names) == maxNames {
			break
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
