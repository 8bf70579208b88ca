// Package copying is cp, which copies files out of programs, whole trees of them,
// and values into them.
package copying

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// Verbs is cp.
func Verbs() []verb.Verb {
	return []verb.Verb{{
		Name: "cp",
		Args: "[-r] PATH... PATH",
		Doc:  "copy files: to local:PATH on the local disk, or a value into a program",
		More: `The last PATH is a file, or a directory that gets files of the same names.
A local file appears under its name when it is whole, and is for its owner
alone. To a program's file, what is copied is written at once, as echo would.

cp -r makes a snapshot of all that a directory lists, for diff and for later:
if the last PATH exists, in a directory in there. A file that fails is
reported, does not stop the others, and is listed in ` + Manifest + ` beside them
(a snapshot that has not been finished has that file too); the exit code is
then 1. Files that wait to be asked are left out.`,
		Examples: []string{
			"cp runtime/version local:version",
			"cp -r process local:old",
			"cp -r . local:snapshot",
			"cp runtime/settings/gogc local:gogc; cp local:gogc runtime/settings/gogc",
		},
		Flags: func(flags *pflag.FlagSet) verb.Run {
			cp := &copier{}
			flags.BoolVarP(&cp.recursive, "recursive", "r", false, "copy directories, with all that is in them")
			flags.DurationVarP(&cp.timeout, "timeout", "t", 30*time.Second, "each file of a directory may take `TIME`")
			return cp.run
		},
	}}
}

// copier is one use of cp.
type copier struct {
	*verb.Call
	recursive bool
	timeout   time.Duration
	into      target
}

// target is what the last argument names.
type target struct {
	arg   string
	abs   string
	isDir bool // it exists and is a directory
}

func (cp *copier) run(ctx context.Context, c *verb.Call) error {
	cp.Call = c
	n := len(c.Args) - 1
	if n < 1 {
		return c.WrongUse()
	}
	if cp.timeout <= 0 {
		return verb.Usagef("-t %s: each file needs some time", cp.timeout)
	}
	cp.into = target{arg: c.Args[n], abs: cp.path(c.Args[n])}
	_, local := space.Local(cp.into.abs)
	switch info, err := c.Space.Stat(ctx, cp.into.abs); {
	case err == nil:
		cp.into.isDir = info.IsDir()
	case !local || !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if n > 1 && !cp.into.isDir {
		return verb.Usagef("%s is no directory that exists, and several files do not go into one", cp.into.arg)
	}
	for _, arg := range c.Args[:n] {
		if err := cp.one(ctx, arg); err != nil {
			c.Warn(err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// path is the absolute path of an argument; local: alone is the local directory.
func (cp *copier) path(arg string) string {
	if arg == space.LocalPrefix {
		arg += "."
	}
	return cp.Path(arg)
}

// one copies what an argument names.
func (cp *copier) one(ctx context.Context, arg string) error {
	from := cp.path(arg)
	info, err := cp.Space.Stat(ctx, from)
	if err != nil {
		return err
	}
	to, err := cp.place(arg, from)
	if err != nil {
		return err
	}
	local, isLocal := space.Local(to)
	switch {
	case info.IsDir() && !cp.recursive:
		return verb.Usagef("%s is a directory; cp -r copies one", arg)
	case info.IsDir() && !isLocal:
		return verb.Usagef("%s is a directory, and those can only be copied to the local disk: cp -r %s local:PATH", arg, arg)
	case info.IsDir():
		return cp.tree(ctx, from, local)
	case isLocal:
		return cp.toDisk(ctx, from, local)
	}
	return cp.toProgram(ctx, from, to)
}

// place is where the copy of a file goes: into the directory, if that is what the
// target is, under its own name. As with cp, a directory given as . is poured
// into the target.
func (cp *copier) place(arg, from string) (string, error) {
	if !cp.into.isDir || path.Base(arg) == "." || arg == space.LocalPrefix {
		return cp.into.abs, nil
	}
	name := path.Base(from)
	if p, ok := space.Local(from); ok {
		abs, err := filepath.Abs(p)
		if err != nil {
			return "", err
		}
		name = filepath.Base(abs)
	}
	if name == "/" {
		return cp.into.abs, nil
	}
	if p, ok := space.Local(cp.into.abs); ok {
		return space.LocalPrefix + filepath.Join(p, name), nil
	}
	return path.Join(cp.into.abs, name), nil
}
