// Package capturing is capture, which takes evidence of a program to the local
// disk.
package capturing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd/cmd/ispy/internal/copying"
	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/internal/bundle"
)

// Verbs is capture.
func Verbs() []verb.Verb {
	return []verb.Verb{{
		Name: "capture",
		Args: "PATH [PATH...]",
		Doc:  "take evidence of a program to local:PATH, a directory or a .tar.gz",
		More: `All that the program lists is taken, wherever in it you are, but for its variables
in globals, and what the further PATHs name: profiles, traces and other files that
are not listed, globals/main.store or all of globals.
What takes its time comes last, all of it at once.

local:PATH is a directory, which is made if it is missing and gets a directory
ispyd-HOST-PID-TIME; or an archive, NAME.tar.gz or NAME.tgz, which must not
exist, and in whose name a * stands for ispyd-HOST-PID-TIME: with -all each
program needs its own. The path of what was made is printed. While it is being
made, and if it was never finished, its name ends in .unfinished.

A file that fails is reported and does not stop the others; what has been read
of it is kept. ` + bundle.Errors + ` in the capture lists them, and the exit code is
then 1. A file that has gone since it was listed is on the list too, but is no
failure. What a program captures of itself, when it is told to stop, looks the
same.`,
		Examples: []string{
			"capture local:evidence",
			"capture local:evidence.tar.gz profile/cpu/1s runtime/goroutines.full",
			"capture 'local:evidence/*.tgz' profile/trace/250ms",
			"capture -t 30s --max-size 16 local:evidence",
		},
		Flags: func(flags *pflag.FlagSet) verb.Run {
			u := &use{}
			flags.DurationVarP(&u.timeout, "timeout", "t", bundle.DefaultTimeout, "each file may take `TIME`, a timed one beside its own")
			flags.Int64Var(&u.max, "max-size", bundle.DefaultBytes>>20, "most `MiB` of all files, uncompressed; one has at most a quarter")
			return u.run
		},
	}}
}

// use is one use of capture.
type use struct {
	timeout time.Duration
	max     int64
}

func (u *use) run(ctx context.Context, c *verb.Call) error {
	o, program, err := u.options(c)
	if err != nil {
		return err
	}
	if _, err := c.Space.Dial(ctx, program); err != nil {
		return err
	}
	// Of a program that has gone nothing more is asked.
	ctx, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	r, err := bundle.Take(ctx, &source{c.Space, "/" + program, lost}, o)
	switch {
	case r == nil:
		return copying.DiskError(o.To, errors.Unwrap(err))
	case err != nil:
		c.Warn(fmt.Errorf("what was taken is in %s", r.Path))
		return copying.DiskError(o.To, errors.Unwrap(err))
	}
	if _, err := fmt.Fprintln(c.Stdout, r.Path); err != nil {
		return err
	}
	if r.Stopped != nil {
		return r.Stopped
	}
	failed := r.Failures()
	for _, p := range failed {
		c.Warn(problem("/"+program, r.Path, p))
	}
	if len(failed) > 0 {
		return verb.Silent(verb.Failed)
	}
	return nil
}

// options are what the arguments ask for, and the program that they ask it of.
func (u *use) options(c *verb.Call) (o bundle.Options, program string, err error) {
	if len(c.Args) == 0 {
		return o, "", c.WrongUse()
	}
	to, local := strings.CutPrefix(c.Args[0], space.LocalPrefix)
	program, _ = space.Split(c.Dir)
	if _, here := space.Local(c.Dir); here {
		program = ""
	}
	switch {
	case !local:
		return o, "", verb.Usagef("%s: the evidence goes to the local disk: capture local:%s", c.Args[0], strings.TrimLeft(c.Args[0], "/"))
	case program == "":
		return o, "", verb.Usagef("it takes the evidence of the program that you are in: cd PID, or connect, comes first")
	case u.timeout <= 0:
		return o, "", verb.Usagef("--timeout %s: each file needs some time", u.timeout)
	case u.max <= 0 || u.max > 1<<40:
		return o, "", verb.Usagef("--max-size %d: is a number of MiB, of 1 or more", u.max)
	}
	o = bundle.Options{To: to, Timeout: u.timeout, MaxBytes: u.max << 20, Text: text}
	if to == "" {
		o.To = "."
	}
	o.Host, o.PID = identity(program)
	for _, arg := range c.Args[1:] {
		_, local := space.Local(arg)
		of, name := space.Split(c.Path(arg))
		if local || of != program {
			return o, "", verb.Usagef("%s is no file of the program %s", arg, program)
		}
		o.Also = append(o.Also, name)
	}
	return o, program, nil
}

// identity is host and pid of the program of that name, which is its pid, or
// host.pid.
func identity(program string) (host, pid string) {
	if i := strings.LastIndexByte(program, '.'); i > 0 {
		if _, err := strconv.Atoi(program[i+1:]); err == nil {
			return program[:i], program[i+1:]
		}
	}
	host, _ = os.Hostname() // it may be unknown
	return host, program
}

// text is an error as it stands beside the path in the manifest.
func text(err error) string {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return e.Text
	}
	return err.Error()
}

// problem is what a person reads of a file that is missing.
func problem(program, to string, p bundle.Problem) error {
	if e, ok := errors.AsType[*client.Error](p.Err); ok {
		return e
	}
	if _, ok := errors.AsType[*bundle.DiskError](p.Err); ok {
		return copying.DiskError(to+": "+p.Name, p.Err)
	}
	said := p.Err.Error()
	if _, ok := errors.AsType[*bundle.TimeoutError](p.Err); ok {
		said += ", see capture --timeout"
	}
	return &client.Error{Op: "read", Path: space.Abs(program, p.Name), Errno: errnoOf(p.Err), Text: said}
}
