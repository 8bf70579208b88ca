package files

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

var stat = verb.Verb{
	Name: "stat",
	Args: "PATH...",
	Doc:  "describe files: kind, mode, size, time of the last change",
	More: `The size is that of what would be read now: a file that is made when it is read
is made for that, but one that takes long is not.`,
	Examples: []string{"stat process/pid", "stat README runtime"},
	Flags: verb.Plain(func(ctx context.Context, c *verb.Call) error {
		if len(c.Args) == 0 {
			return c.WrongUse()
		}
		return inOrder(ctx, c.Stdout, indexes(len(c.Args)), func(ctx context.Context, i int, out io.Writer) error {
			return describe(ctx, c, c.Path(c.Args[i]), i > 0, out)
		}, func(_ int, err error) error {
			c.Warn(err)
			return nil
		})
	}),
}

// describe prints what is known of a file, a line each, apart from what is above.
func describe(ctx context.Context, c *verb.Call, abs string, apart bool, out io.Writer) error {
	info, err := c.Space.Stat(ctx, abs)
	if err != nil {
		return err
	}
	if apart {
		fmt.Fprintln(out)
	}
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(out, "%-8s %s\n", name+":", shown(c, text))
		}
	}
	line("path", abs)
	d := doc(ctx, c, abs)
	line("kind", kind(d, info))
	line("doc", d.Text)
	line("mode", info.Mode().String())
	if m := info.Mode(); m.IsRegular() && m&fs.ModeTemporary == 0 {
		text := ""
		if info, text, err = trueSize(ctx, c, abs, info); text != "" {
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

// trueSize opens a file to learn its size.
func trueSize(ctx context.Context, c *verb.Call, abs string, info fs.FileInfo) (fs.FileInfo, string, error) {
	if info.Mode().Perm()&0o444 == 0 {
		return info, "", nil
	}
	f, err := c.Space.Open(ctx, abs, os.O_RDONLY)
	if err != nil {
		return info, "not known", err
	}
	defer f.Close()
	if opened, err := f.Stat(); err == nil {
		info = opened
	}
	return info, fmt.Sprintf("%d bytes", info.Size()), nil
}
