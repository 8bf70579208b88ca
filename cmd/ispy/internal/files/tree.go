package files

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

var tree = verb.Verb{
	Name: "tree",
	Args: "[-d] [-L DEPTH] [DIR...]",
	Doc:  "show directories as trees, with what each file is",
	More: `It shows what directories list. Files that cost something to read are often
not listed; README tells of them.`,
	Examples: []string{"tree", "tree -L 1", "tree process"},
	Flags: func(flags *pflag.FlagSet) verb.Run {
		depth := flags.IntP("level", "L", -1, "go `DEPTH` directories deep")
		dirs := flags.BoolP("directories", "d", false, "show directories only")
		flags.Lookup("level").DefValue = ""
		return func(ctx context.Context, c *verb.Call) error {
			if flags.Changed("level") && *depth < 1 {
				return verb.Usagef("-L takes the number of directories to go deep, 1 or more")
			}
			w := walker{space: c.Space, depth: *depth}
			if *dirs {
				w.keep = fs.DirEntry.IsDir
			}
			return showTrees(ctx, c, w)
		}
	},
}

func showTrees(ctx context.Context, c *verb.Call, w walker) error {
	args := c.Args
	if len(args) == 0 {
		args = []string{"."}
	}
	out := bufio.NewWriter(cropped(c))
	dirs, files := 0, 0
	for _, arg := range args {
		t := trunk{c: c, out: out}
		for f := range w.walk(ctx, c.Path(arg), arg) {
			switch {
			case f.err != nil:
				out.Flush()
				c.Warn(f.err)
				continue
			case f.depth > 0 && f.dir:
				dirs++
			case !f.dir:
				files++
			}
			if err := t.show(ctx, f); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			out.Flush()
			return context.Cause(ctx)
		}
	}
	fmt.Fprintf(out, "\n%s, %s\n", count(dirs, "directory", "directories"), count(files, "file", "files"))
	return out.Flush()
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// trunk draws a tree.
type trunk struct {
	c    *verb.Call
	out  *bufio.Writer
	ends []bool // of the directories above: whether each is the last of its own
}

// maxColumn is where docs begin at most, whatever names there are.
const maxColumn = 32

func (t *trunk) show(ctx context.Context, f found) error {
	name := shown(t.c, f.name)
	var line strings.Builder
	if f.depth > 0 {
		t.ends = append(t.ends[:f.depth-1], f.last)
		for _, end := range t.ends[:f.depth-1] {
			line.WriteString(map[bool]string{true: "    ", false: "│   "}[end])
		}
		line.WriteString(map[bool]string{true: "└── ", false: "├── "}[f.last])
		name = shown(t.c, base(f.path))
	}
	line.WriteString(name)
	if text := shown(t.c, doc(ctx, t.c, f.path).Text); text != "" {
		fmt.Fprintf(&line, "%*s  %s", max(0, min(f.width, maxColumn)-len(name)), "", text)
	}
	_, err := fmt.Fprintln(t.out, line.String())
	return err
}

// doc is what its tree says of a file.
func doc(ctx context.Context, c *verb.Call, abs string) space.Doc {
	if _, ok := space.Local(abs); ok {
		return space.Doc{}
	}
	return c.Space.Doc(ctx, abs)
}

// base is the name of a file in its directory.
func base(abs string) string { return path.Base(strings.TrimPrefix(abs, space.LocalPrefix)) }
