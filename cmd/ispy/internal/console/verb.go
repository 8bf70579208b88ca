// Package console is console, which evaluates Go in a program: a prompt, or one
// request for scripts. It talks to the file console/session of the program.
package console

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// Verbs is console.
func Verbs() []verb.Verb {
	return []verb.Verb{{
		Name: "console",
		Args: "[-e GO] [DIR]",
		Doc:  "evaluate Go in a program: its variables, functions and types are in scope",
		More: `The program is the one that you are in, or that DIR is in. Names of its
package main are in scope, exported or not, and those of its other packages
with their package: http.DefaultClient. What you declare lasts until exit(),
quit() or Ctrl-D; Ctrl-C ends an evaluation. A text that is not complete goes
on in the next line. :type EXPR tells a type without evaluating, :doc NAME what
a name is, :help what there is beside that.

Where standard input is no terminal each text in it is evaluated as soon as it is
complete, until one fails: console < FILE, or console <<'GO' in a script of ispy.

It is off unless the program's configuration says [console] enabled = true.
What you do there the program does: a variable that you set is set, and a map
that you write while the program writes it is a data race as in any Go code.
ispyd-console(7) tells what is refused, and what could end the program.

The exit code of -e is 1 where the evaluation failed. With -json the answer is a
line of JSON: output, values with their types, error.`,
		Examples: []string{
			"console",
			"console -e 'runtime.NumGoroutine()'",
			"console -json -e 'os.Args'",
		},
		Flags: func(flags *pflag.FlagSet) verb.Run {
			u := &use{}
			flags.StringVarP(&u.expr, "evaluate", "e", "", "evaluate `GO` and leave")
			flags.BoolVarP(&u.json, "json", "j", false, "print the answers as JSON, a line each")
			return func(ctx context.Context, c *verb.Call) error {
				u.once = flags.Changed("evaluate")
				u.json = u.json || c.JSON
				return u.run(ctx, c)
			}
		},
	}}
}

// use is one use of console.
type use struct {
	expr       string
	once, json bool
}

func (u *use) run(ctx context.Context, c *verb.Call) error {
	dir := c.Dir
	switch len(c.Args) {
	case 0:
	case 1:
		dir = c.Path(c.Args[0])
		if _, err := c.Space.Stat(ctx, dir); err != nil {
			return err
		}
	default:
		return c.WrongUse()
	}
	name, _ := space.Split(dir)
	if _, local := space.Local(dir); local || name == "" {
		return verb.Usagef("which program? cd into one, or name it: console /NAME")
	}
	file := path.Join("/", name, "console", "session")
	interactive := !u.once && c.StdinTerminal && c.Terminal != nil && !u.json
	life := ctx
	if interactive {
		// Ctrl-C ends an evaluation, and not the session.
		life = context.WithoutCancel(ctx)
	}
	f, err := c.Space.Open(life, file, os.O_RDWR)
	if err != nil {
		// A console that is off has a file that says so.
		status, serr := c.Space.ReadFile(ctx, path.Join("/", name, "console", "status"))
		if text := strings.TrimSpace(string(status)); serr == nil && strings.HasPrefix(text, "disabled") {
			return errors.New(text)
		}
		return err
	}
	defer f.Close()
	s := &talk{f: f, out: c.Stdout, json: u.json}
	switch {
	case u.once:
		return s.script(ctx, u.expr)
	case interactive:
		return s.interact(life, c, name)
	}
	return s.lines(ctx, c.Stdin)
}

// failed is the error of an evaluation that has been shown.
func failed(text string) error { return fmt.Errorf("%s", strings.TrimSpace(text)) }
