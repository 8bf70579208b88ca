// Package verb is what the commands of ispy are made of: each is a [Verb] in one
// table, from which parsing, help, completion and the manual are made, and runs
// with a [Call].
package verb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/internal/cli"
)

// Verb is one command of ispy.
type Verb struct {
	Name string
	// Args is the form of what follows the name: "[-l] [PATH...]".
	// Completion takes PATH for a file and DIR for a directory of the
	// namespace, VERB for a command of ispy, PROGRAM for a program.
	Args string
	// Doc is one line: what it does.
	Doc string
	// More is what help NAME says beside that: whole sentences, wrapped at 78
	// columns, no blank lines at the ends; "" for nothing.
	More string
	// Examples are lines that can be typed as they stand in a program's
	// directory. There is at least one.
	Examples []string
	// Flags declares the flags on the set and returns what runs the verb once
	// they are parsed. The set takes flags after arguments too, unless Flags
	// turns that off (SetInterspersed). A long flag may be typed with one dash.
	Flags func(flags *pflag.FlagSet) Run
	// Rewrite, if not nil, writes what follows the name in the form that Flags
	// takes: head -20 as head -n 20.
	Rewrite func(args []string) []string
}

// Run runs a verb. The error is shown to the person, with the verb's name; see
// [ExitCode] for what the exit code is made of.
type Run func(ctx context.Context, c *Call) error

// Plain is for Flags of a verb that has none.
func Plain(run Run) func(*pflag.FlagSet) Run {
	return func(*pflag.FlagSet) Run { return run }
}

// Call is one use of a verb.
type Call struct {
	Verb *Verb
	// Args are the arguments, without the name and the flags.
	Args []string
	// Dir is the directory that paths are relative to: [Call.Path].
	Dir   string
	Space *space.Space

	// Stdin ends when the context does. Stdout may be a file of a program,
	// which gets what was written when the verb has returned.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Terminal is what Stdout is shown on, nil where it is no terminal.
	Terminal *Terminal
	// StdinTerminal says that a person types what Stdin reads.
	StdinTerminal bool
	// JSON asks for files' renderings as JSON, where they have one.
	JSON bool
	// Getenv looks up a variable of the shell.
	Getenv func(string) string
	// Exec runs a command line in a copy of the shell, as $(…) would, in Dir,
	// and returns its exit code.
	Exec func(ctx context.Context, line string, stdout, stderr io.Writer) int

	code int
}

// Terminal describes a terminal.
type Terminal struct {
	// Size is the number of columns and lines, as they are now.
	Size func() (columns, lines int)
	// Color says that colours are wanted: there is no NO_COLOR, and TERM is not
	// dumb.
	Color bool
}

// Path is the absolute path of an argument.
func (c *Call) Path(arg string) string { return space.Abs(c.Dir, arg) }

// Warn shows an error and goes on: the verb's exit code will be that of the last
// error, though Run returns nil. A nil error is nothing.
func (c *Call) Warn(err error) {
	if err == nil {
		return
	}
	if code, silent := silentCode(err); silent {
		c.code = code
		return
	}
	fmt.Fprintln(c.Stderr, Message(c.Verb.Name, err))
	c.code = ExitCode(err)
}

// Do runs the verb with what follows its name, shows the error, and returns the
// exit code.
func (v *Verb) Do(ctx context.Context, c *Call, args []string) int {
	c.Verb, c.code = v, OK
	flags, run := v.flags()
	if v.Rewrite != nil {
		args = v.Rewrite(args)
	}
	switch err := flags.Parse(cli.TwoDashes(flags, args)); {
	case errors.Is(err, pflag.ErrHelp):
		_, err := io.WriteString(c.Stdout, v.Help())
		c.Warn(err)
		return c.code
	case err != nil:
		c.Warn(Usagef("%v; the form is: %s", err, v.Form()))
		return c.code
	}
	c.Args = flags.Args()
	c.Warn(run(ctx, c))
	return c.code
}

func (v *Verb) flags() (*pflag.FlagSet, Run) {
	flags := pflag.NewFlagSet(v.Name, pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	flags.SortFlags = false
	run := v.Flags(flags)
	return flags, run
}

// FlagSet is the verb's flags, for completion and the manual.
func (v *Verb) FlagSet() *pflag.FlagSet {
	flags, _ := v.flags()
	return flags
}

// Form is how the verb is typed: its name and arguments.
func (v *Verb) Form() string { return strings.TrimSpace(v.Name + " " + v.Args) }

// Help is all that is known of the verb, as a text.
func (v *Verb) Help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", v.Form(), v.Doc)
	if list := cli.Describe(v.FlagSet()); list != "" {
		fmt.Fprintf(&b, "\n%s", list)
	}
	if v.More != "" {
		fmt.Fprintf(&b, "\n%s\n", v.More)
	}
	b.WriteString("\nFor example:\n")
	for _, e := range v.Examples {
		fmt.Fprintf(&b, "  %s\n", e)
	}
	return b.String()
}

// WrongUse is the error of a verb that was given the wrong number of arguments.
func (c *Call) WrongUse() error { return Usagef("the form is: %s", c.Verb.Form()) }
