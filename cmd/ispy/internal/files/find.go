package files

import (
	"bufio"
	"context"
	"path"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

var find = verb.Verb{
	Name: "find",
	Args: "[DIR...] [-name GLOB] [-type f|d] [-maxdepth N]",
	Doc:  "print the paths of files, by name",
	More: `GLOB is as in sh: * is any text, ? a character, [a-z] one of several; quote
it, or the shell looks for such names in the current directory. It is compared
with the last part of each path.

What directories do not list, find does not find; README tells of it.`,
	Examples: []string{"find -name 'mem*'", "find process -type d", "find -maxdepth 1 -type f"},
	Flags: func(flags *pflag.FlagSet) verb.Run {
		name := flags.String("name", "", "only files whose name fits the `GLOB`")
		kind := flags.String("type", "", "only what is of the kind `f|d`: a file or a directory")
		depth := flags.Int("maxdepth", -1, "go `N` directories deep, 0 for DIR alone")
		flags.Lookup("maxdepth").DefValue = ""
		return func(ctx context.Context, c *verb.Call) error {
			if _, err := path.Match(*name, ""); err != nil {
				return verb.Usagef("-name %s: a [ without its ], or a \\ at the end", *name)
			}
			switch {
			case *kind != "" && *kind != "f" && *kind != "d":
				return verb.Usagef("-type %s: it is f for files or d for directories", *kind)
			case flags.Changed("maxdepth") && *depth < 0:
				return verb.Usagef("-maxdepth takes the number of directories to go deep, 0 or more")
			}
			return findFiles(ctx, c, walker{space: c.Space, depth: *depth}, func(f found) bool {
				if *kind != "" && f.dir != (*kind == "d") {
					return false
				}
				if flags.Changed("name") {
					ok, _ := path.Match(*name, base(f.path))
					return ok
				}
				return true
			})
		}
	},
}

func findFiles(ctx context.Context, c *verb.Call, w walker, fits func(found) bool) error {
	args := c.Args
	if len(args) == 0 {
		args = []string{"."}
	}
	out := bufio.NewWriter(c.Stdout)
	for _, arg := range args {
		for f := range w.walk(ctx, c.Path(arg), arg) {
			if f.err != nil {
				out.Flush()
				c.Warn(f.err)
				continue
			}
			if !fits(f) {
				continue
			}
			if _, err := out.WriteString(shown(c, f.name) + "\n"); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			out.Flush()
			return context.Cause(ctx)
		}
	}
	return out.Flush()
}
