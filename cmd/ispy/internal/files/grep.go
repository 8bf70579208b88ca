package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"regexp"
	"sync/atomic"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

var grep = verb.Verb{
	Name: "grep",
	Args: "[-rivwFnHhlcoqa] [-A N] [-B N] [-C N] [-e] PATTERN [PATH...]",
	Doc:  "print the lines that fit a pattern",
	More: `PATTERN is a regular expression as Go has them (RE2): a|b, (ab)+, [0-9], \d, \bx\b.
With -r it goes through directories, by default the current one, and reads what
they list: files that cost something are not listed and must be named. Without
PATH and -r it reads its standard input. The exit code is 0 where a line fits, 1
where none does, 2 or more after an error.`,
	Examples: []string{
		"grep -c '^goroutine ' runtime/goroutines",
		"grep -r -i -l version runtime",
		"cat README | grep process/",
		"grep -n -F memory README",
		"grep -A 2 '^goroutine ' runtime/goroutines",
	},
	Flags: func(flags *pflag.FlagSet) verb.Run {
		var o grepOptions
		flags.BoolVarP(&o.recursive, "recursive", "r", false, "go through directories")
		flags.BoolVarP(&o.fold, "ignore-case", "i", false, "small and capital letters are the same")
		flags.BoolVarP(&o.invert, "invert-match", "v", false, "the lines that do not fit")
		flags.BoolVarP(&o.word, "word-regexp", "w", false, "whole words only")
		flags.BoolVarP(&o.fixed, "fixed-strings", "F", false, "the pattern is a text, no expression")
		flags.BoolVarP(&o.number, "line-number", "n", false, "with line numbers")
		flags.BoolVarP(&o.with, "with-filename", "H", false, "with names, also of a single file")
		flags.BoolVarP(&o.without, "no-filename", "h", false, "without names")
		flags.BoolVarP(&o.list, "files-with-matches", "l", false, "names of files only")
		flags.BoolVarP(&o.count, "count", "c", false, "numbers of lines only")
		flags.BoolVarP(&o.only, "only-matching", "o", false, "what fits only, not the whole lines")
		flags.BoolVarP(&o.quiet, "quiet", "q", false, "nothing: the exit code tells")
		flags.IntVarP(&o.after, "after-context", "A", 0, "and `N` lines after each")
		flags.IntVarP(&o.before, "before-context", "B", 0, "and `N` lines before each")
		around := flags.IntP("context", "C", 0, "and `N` lines before and after each")
		flags.BoolVarP(&o.text, "text", "a", false, "binary files too, as if they were text")
		flags.StringArrayVarP(&o.patterns, "regexp", "e", nil, "a `PATTERN`; of several, any may fit")
		for _, name := range []string{"after-context", "before-context", "context", "regexp"} {
			flags.Lookup(name).DefValue = ""
		}
		flags.BoolP("extended-regexp", "E", false, "means nothing: all patterns are extended ones")
		return func(ctx context.Context, c *verb.Call) error {
			o.after, o.before = max(o.after, *around), max(o.before, *around)
			if o.after < 0 || o.before < 0 || o.before > mostBefore {
				return verb.Usagef("-A, -B and -C take a number of lines, %d before at most", mostBefore)
			}
			return o.run(ctx, c)
		}
	},
}

type grepOptions struct {
	recursive, fold, invert, word, fixed bool
	number, with, without                bool
	list, count, only, quiet, text       bool
	patterns                             []string
	after, before                        int
}

// errEnough ends grep -q.
var errEnough = errors.New("enough")

func (o *grepOptions) run(ctx context.Context, c *verb.Call) error {
	args := c.Args
	if len(o.patterns) == 0 {
		if len(args) == 0 {
			return c.WrongUse()
		}
		o.patterns, args = args[:1], args[1:]
	}
	re, err := compile(o.patterns, o.fixed, o.fold, o.word)
	if err != nil {
		return err
	}
	if len(args) == 0 && !o.recursive {
		args = []string{"-"}
	}
	if (len(args) > 1 || o.recursive) && !o.without {
		o.with = true
	}
	if o.without {
		o.with = false
	}
	g := &grepper{Call: c, grepOptions: o, re: re}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	items := g.arguments(args)
	if o.recursive {
		items = g.recurse(ctx, args)
	}
	failed := verb.OK
	err = inOrder(ctx, c.Stdout, items, func(ctx context.Context, f found, out io.Writer) error {
		if f.err != nil {
			return f.err
		}
		any, err := g.search(ctx, f, out)
		if any {
			g.matched.Store(true)
			if o.quiet {
				stop(errEnough)
			}
		}
		return err
	}, func(_ found, err error) error {
		if err != nil {
			fmt.Fprintln(c.Stderr, verb.Message("grep", err))
			failed = max(verb.ExitCode(err), 2) // 1 is that nothing fits
		}
		return nil
	})
	switch {
	case err != nil && err != errEnough:
		return err
	case g.matched.Load():
		return verb.Silent(verb.OK)
	case failed != verb.OK:
		return verb.Silent(failed)
	}
	return verb.Silent(1)
}

// grepper is one use of grep.
type grepper struct {
	*verb.Call
	*grepOptions
	re      *regexp.Regexp
	matched atomic.Bool
}

// arguments are the files that are named.
func (g *grepper) arguments(args []string) iter.Seq[found] {
	return func(yield func(found) bool) {
		for _, arg := range args {
			if !yield(found{name: arg, path: arg}) {
				return
			}
		}
	}
}

// recurse finds the files in directories. Those that are slow are not opened: they
// begin something.
func (g *grepper) recurse(ctx context.Context, args []string) iter.Seq[found] {
	names := args
	if len(args) == 0 {
		args, names = []string{"."}, []string{""}
	}
	return func(yield func(found) bool) {
		for i, arg := range args {
			if arg == "-" {
				if !yield(found{name: arg, path: arg}) {
					return
				}
				continue
			}
			for f := range (walker{space: g.Space, depth: -1}).walk(ctx, g.Path(arg), names[i]) {
				if f.err == nil && (f.dir || f.mode.Type() != 0 || f.depth > 0 && f.mode&fs.ModeTemporary != 0) {
					continue
				}
				if !yield(f) {
					return
				}
			}
		}
	}
}
