package files

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

var stat = verb.Verb{
	Name: "stat",
	Args: "PATH...",
	Doc:  "describe files: kind, mode, size, time of the last change",
	More: `The size is that of what would be read now: a file that is made when it is read
is made for that. One that its directory does not list, which may cost something
to make, is not.`,
	Examples: []string{"stat process/pid", "stat README runtime"},
	Flags: verb.Plain(func(ctx context.Context, c *verb.Call) error {
		if len(c.Args) == 0 {
			return c.WrongUse()
		}
		d := describer{Call: c, dirs: map[string]func() map[string]bool{}}
		return inOrder(ctx, c.Stdout, indexes(len(c.Args)), func(ctx context.Context, i int, out io.Writer) error {
			return d.describe(ctx, c.Path(c.Args[i]), i > 0, out)
		}, func(_ int, err error) error {
			c.Warn(err)
			return nil
		})
	}),
}

// describer is one use of stat.
type describer struct {
	*verb.Call
	mu   sync.Mutex
	dirs map[string]func() map[string]bool // the names that directories list
}

// describe prints what is known of a file, a line each, apart from what is above.
func (d *describer) describe(ctx context.Context, abs string, apart bool, out io.Writer) error {
	info, err := d.Space.Stat(ctx, abs)
	if err != nil {
		return err
	}
	if apart {
		fmt.Fprintln(out)
	}
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(out, "%-8s %s\n", name+":", shown(d.Call, text))
		}
	}
	line("path", abs)
	what := doc(ctx, d.Call, abs)
	line("kind", kind(what, info))
	line("doc", what.Text)
	line("mode", info.Mode().String())
	if m := info.Mode(); m.IsRegular() && m&fs.ModeTemporary == 0 {
		text := ""
		if info, text, err = d.size(ctx, abs, info); text != "" {
			line("size", text)
		}
	}
	if t := info.ModTime(); !t.IsZero() {
		line("changed", t.Local().Format("2006-01-02 15:04:05.000 -0700"))
	}
	return err
}

// kind is what the tree says, or else what the mode does.
func kind(d space.Doc, info fs.FileInfo) string {
	switch m := info.Mode(); {
	case d.Kind != "":
		return d.Kind
	case m.IsDir():
		return "dir"
	case m&fs.ModeAppend != 0:
		return "stream"
	case m&fs.ModeTemporary != 0:
		return "slow"
	case m.Type() != 0:
		return "other"
	}
	return "file"
}

// size finds out the size of a file. It opens those whose making is cheap.
func (d *describer) size(ctx context.Context, abs string, info fs.FileInfo) (fs.FileInfo, string, error) {
	switch {
	case info.Size() > 0:
		return info, fmt.Sprintf("%d bytes", info.Size()), nil
	case info.Mode().Perm()&0o444 == 0:
		return info, "", nil
	case !d.listed(ctx, abs):
		return info, "not known until it is read", nil
	}
	f, err := d.Space.Open(ctx, abs, os.O_RDONLY)
	if err != nil {
		return info, "not known", err
	}
	defer f.Close()
	if opened, err := f.Stat(); err == nil {
		info = opened
	}
	return info, fmt.Sprintf("%d bytes", info.Size()), nil
}

// listed says that a file is among those that its directory lists: they are cheap.
func (d *describer) listed(ctx context.Context, abs string) bool {
	if _, ok := space.Local(abs); ok {
		return true
	}
	dir, name := path.Split(abs)
	d.mu.Lock()
	names := d.dirs[dir]
	if names == nil {
		names = sync.OnceValue(func() map[string]bool {
			entries, _ := d.Space.ReadDir(ctx, dir)
			all := make(map[string]bool, len(entries))
			for _, e := range entries {
				all[e.Name()] = true
			}
			return all
		})
		d.dirs[dir] = names
	}
	d.mu.Unlock()
	return names()[name]
}
