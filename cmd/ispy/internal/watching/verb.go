// Package watching is watch, which runs a command line again and again.
package watching

import (
	"context"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"mvdan.cc/sh/v3/syntax"

	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// The bounds of the interval, in seconds. Less is a load on the program that is
// watched, more is a mistake.
const (
	minInterval = 0.1
	maxInterval = 1e6
)

// Verbs is watch.
func Verbs() []verb.Verb {
	return []verb.Verb{{
		Name: "watch",
		Args: "[-n SECONDS] [-c COUNT] [-u REGEXP] [-g] VERB...",
		Doc:  "run a command again and again and show what it prints",
		More: `On a terminal each run is shown in the place of the one before, cut to the
size of the terminal; elsewhere one is appended to the other. The interval
begins when a run has ended.

The command is a line of the shell: quote it where it has pipes, redirections
or variables of its own. The exit code is that of the last run; with -u or -g
it is 0 when that has come about, and 1 when COUNT runs were not enough.
REGEXP is one of Go (RE2), ^ and $ are those of lines; it is looked for in the
first MiB of what each run prints, errors too.`,
		Examples: []string{
			"watch -n 0.5 -c 3 cat runtime/settings/gogc",
			"watch -n 0.2 -c 2 'cat runtime/stacks | grep -c created'",
			"watch -c 30 -u 'IO wait|select' cat runtime/stacks",
		},
		Flags: func(flags *pflag.FlagSet) verb.Run {
			w := &watcher{}
			flags.SetInterspersed(false)
			interval := flags.StringP("interval", "n", "2", "wait `SECONDS` between two runs")
			flags.IntVarP(&w.count, "count", "c", 0, "stop after `COUNT` runs")
			until := flags.StringP("until", "u", "", "stop when the output matches the `REGEXP`")
			flags.BoolVarP(&w.change, "chgexit", "g", false, "stop when the output is another than in the run before")
			return func(ctx context.Context, c *verb.Call) error {
				if err := w.prepare(c, *interval, *until, flags.Changed("count")); err != nil {
					return err
				}
				return w.run(ctx)
			}
		},
	}}
}

// prepare makes sense of the command line.
func (w *watcher) prepare(c *verb.Call, interval, until string, counted bool) (err error) {
	w.Call = c
	if len(c.Args) == 0 {
		return c.WrongUse()
	}
	if w.line, err = commandLine(c.Args); err != nil {
		return err
	}
	seconds, err := strconv.ParseFloat(interval, 64)
	if err != nil || math.IsNaN(seconds) || seconds < minInterval || seconds > maxInterval {
		return verb.Usagef("-n %s: a number of seconds is wanted, at least %v", interval, minInterval)
	}
	w.interval = time.Duration(seconds * float64(time.Second))
	if counted && w.count < 1 {
		return verb.Usagef("-c %d: the least number of runs is 1", w.count)
	}
	if until != "" {
		if _, err := regexp.Compile(until); err != nil {
			return verb.Usagef("-u %s: %v", until, err)
		}
		// As in grep, ^ and $ are those of lines.
		w.until = regexp.MustCompile("(?m:" + until + ")")
	}
	return nil
}

// commandLine is the line that the arguments stand for: one is a line as it is,
// several are its words.
func commandLine(args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	words := make([]string, len(args))
	for i, arg := range args {
		word, err := syntax.Quote(arg, syntax.LangBash)
		if err != nil {
			return "", verb.Usagef("%q: %v", arg, err)
		}
		words[i] = word
	}
	return strings.Join(words, " "), nil
}
