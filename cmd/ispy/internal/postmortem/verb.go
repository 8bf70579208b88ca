// Package postmortem is debug, which walks through a goroutine that panicked, or
// returned an error, and was captured; and check, which says whether a program can
// be probed.
//
// It links Delve, which reads the core and the program's DWARF.
package postmortem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// Verbs are debug and check.
func Verbs() []verb.Verb {
	return []verb.Verb{{
		Name: "debug",
		Args: "[-c COMMANDS] [-x FILE] [N|FUNC|local:CORE]",
		Doc:  "walk through what a probe has caught: stack, arguments, variables",
		More: `Without an argument it is the newest traceback of the program that you are in,
with a number that of debugger/tracebacks/N, with a function the newest that its
probe has caught; local:CORE is a core on the local disk, which needs no program.
The words are those of pdb and dlv: bt, up, down, frame N, args, locals, p EXPR,
whatis EXPR, list, vars REGEXP, panic, goroutine, save FILE, help, quit.

Values are read with the program's executable, which must be the very build
that was captured: that of the process, where it runs on this machine, or what
-exe names. A program whose executable was stripped needs the original. What an
optimised program kept nowhere is shown as <optimised out>, what a capture was
too small for as <not captured>.

The core has the program's memory, secrets too: it is kept for nobody else, in a
file that is gone when debug ends. The exit code is 1 where a command failed.`,
		Examples: []string{
			"debug",
			"debug -c 'bt; up; args; p customer.Name'",
			"debug -c bt -json latest",
		},
		Flags: func(flags *pflag.FlagSet) verb.Run {
			u := &use{}
			flags.StringVarP(&u.commands, "command", "c", "", "run the `COMMANDS`, with semicolons between them, and leave")
			flags.StringVarP(&u.exe, "exe", "x", "", "take the values with the executable `FILE` of the local disk")
			flags.StringVarP(&u.source, "source", "s", "", "look for source below `DIR` of the local disk")
			flags.BoolVarP(&u.json, "json", "j", false, "print a line of JSON for each command")
			return func(ctx context.Context, c *verb.Call) error {
				u.script = flags.Changed("command")
				return u.run(ctx, c)
			}
		},
	}, check()}
}

// use is one use of debug.
type use struct {
	commands, exe, source string
	json, script          bool
}

// maxCore bounds the core that is fetched.
const maxCore = 256 << 20

func (u *use) run(ctx context.Context, c *verb.Call) error {
	if len(c.Args) > 1 {
		return c.WrongUse()
	}
	u.json = u.json || c.JSON
	u.source = strings.TrimPrefix(u.source, space.LocalPrefix)
	if u.source != "" {
		if stat, err := os.Stat(u.source); err != nil || !stat.IsDir() {
			return verb.Usagef("-source %s: no such directory", u.source)
		}
	}
	arg := ""
	if len(c.Args) == 1 {
		arg = c.Args[0]
	}
	file, program, done, err := u.core(ctx, c, arg)
	if err != nil {
		return err
	}
	defer done()
	d, err := u.open(ctx, c, file, program)
	if err != nil {
		return err
	}
	defer d.close()
	whole, err := os.Open(file)
	if err != nil {
		return err
	}
	defer whole.Close()
	// Whatever ends this program from here on, a closed pipe among it, leaves no
	// copy of somebody's memory behind.
	done()
	s := &session{dead: d, core: whole, source: u.source, json: u.json, stdout: c.Stdout, stderr: c.Stderr}
	switch {
	case u.script:
		if !s.script(ctx, u.commands) {
			return failed(ctx)
		}
	case c.StdinTerminal && c.Terminal != nil && !u.json:
		return s.interact(ctx)
	default:
		return s.lines(ctx, c.Stdin)
	}
	return nil
}

func failed(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return verb.Silent(verb.Failed)
}

// core is the file of the core on the local disk, and the program that it is of,
// "" where it is of none that is known.
func (u *use) core(ctx context.Context, c *verb.Call, arg string) (file, program string, done func(), err error) {
	if local, ok := strings.CutPrefix(arg, space.LocalPrefix); ok {
		return local, "", func() {}, nil
	}
	program, _ = space.Split(c.Dir)
	if _, local := space.Local(c.Dir); local {
		program = ""
	}
	if program == "" {
		return "", "", nil, verb.Usagef("it takes a traceback of the program that you are in: cd PID, or connect, comes first; debug local:CORE -exe PROGRAM reads a file")
	}
	if arg == "" {
		arg = "latest"
	}
	from := path.Join("/", program, "debugger", "tracebacks", escape(strings.Trim(arg, "/")), "core")
	f, err := c.Space.Open(ctx, from, os.O_RDONLY)
	if err != nil {
		return "", "", nil, err
	}
	defer f.Close()
	to, err := os.CreateTemp("", "ispy-core-")
	if err != nil {
		return "", "", nil, err
	}
	done = func() { os.Remove(to.Name()) }
	n, err := f.WriteTo(&limited{to, maxCore})
	if err = errors.Join(err, to.Close()); err == nil && n == 0 {
		err = fmt.Errorf("%s is empty: only the text of this traceback was kept", from)
	}
	if err != nil {
		done()
		return "", "", nil, err
	}
	return to.Name(), program, done, nil
}

// escape is a function's name as the name of a directory: what is no part of a
// name there stands as %XX.
func escape(name string) string {
	return strings.NewReplacer("%", "%25", "/", "%2F").Replace(name)
}

// limited is a writer that takes so much and no more.
type limited struct {
	w    io.Writer
	left int
}

func (l *limited) Write(b []byte) (int, error) {
	if l.left -= len(b); l.left < 0 {
		return 0, fmt.Errorf("the core has more than %d bytes", maxCore)
	}
	return l.w.Write(b)
}

// lines runs the commands that come through a pipe.
func (s *session) lines(ctx context.Context, r io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return err
	}
	if !s.script(ctx, string(text)) {
		return failed(ctx)
	}
	return nil
}
