// Package compare is diff, which compares files, groups of goroutines, tables and
// whole snapshots.
package compare

import (
	"context"
	"errors"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd/cmd/ispy/internal/copying"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// trouble is diff's exit code where it could not compare everything.
const trouble = 2

// Verbs is diff.
func Verbs() []verb.Verb {
	return []verb.Verb{{
		Name: "diff",
		Args: "[-u N] [-q] [-t] PATH PATH",
		Doc:  "compare two files or directories: lines, goroutines, snapshots",
		More: `Dumps of goroutines, grouped or not, are told by what is in them and are
compared by their stacks, whatever the ids, ages and states: which groups
grew, shrank, came and went, most first. Other files are compared as lines, in
the unified form. - is the standard input.

Of directories, each file is compared with that of the same name: two
snapshots made by cp -r, or one with the living program. Files that wait to be
asked are left out, and so is the list of errors that cp makes
(` + copying.Manifest + `).

The exit code is that of diff: 0 the same, 1 different, 2 trouble.`,
		Examples: []string{
			"cat runtime/stacks > local:before; diff local:before runtime/stacks",
			"cp -r process local:earlier; diff local:earlier process",
			"cat runtime/gc | diff -u 0 - runtime/gc",
		},
		Rewrite: rewrite,
		Flags: func(flags *pflag.FlagSet) verb.Run {
			d := &differ{}
			flags.IntVarP(&d.context, "unified", "u", 3, "`N` lines around what differs")
			flags.BoolVarP(&d.brief, "brief", "q", false, "say only which files differ")
			flags.BoolVarP(&d.text, "text", "t", false, "compare lines, of goroutines too")
			flags.BoolP("recursive", "r", false, "directories with all that is in them, as without it")
			return func(ctx context.Context, c *verb.Call) error {
				d.Call = c
				return d.result(ctx, d.run(ctx))
			}
		},
	}}
}

// rewrite lets -u go without a number, as it may with any other diff.
func rewrite(args []string) []string {
	out := make([]string, 0, len(args)+1)
	for i, arg := range args {
		if arg == "--" {
			return append(out, args[i:]...)
		}
		out = append(out, arg)
		if arg == "-u" {
			if i+1 == len(args) {
				return append(out, "3")
			}
			if _, err := strconv.Atoi(args[i+1]); err != nil {
				out = append(out, "3")
			}
		}
	}
	return out
}

// result makes the exit code of diff.
func (d *differ) result(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, errShow):
		return d.showErr // nobody reads any more
	case err != nil:
		d.Warn(err)
		return verb.Silent(trouble)
	case d.failed:
		return verb.Silent(trouble)
	case d.differ:
		return verb.Silent(verb.Failed)
	}
	return nil
}
