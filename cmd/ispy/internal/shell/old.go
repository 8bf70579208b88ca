package shell

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// oldWords are the commands of the first ispyd, in Python: each prints the file or
// directory of the present tree that has what it showed, where the directory one
// is in has it.
func oldWords() []verb.Verb {
	return []verb.Verb{
		{Name: "requests", Doc: "print all requests that run (where there is a directory requests)",
			Examples: []string{"requests || true"}, Flags: noArgs(printAll("requests"))},
		{Name: "list", Doc: "list the probes (where there is a file probes)",
			Examples: []string{"list || true"}, Flags: noArgs(printAll("probes"))},
		{Name: "tracebacks", Doc: "list what was caught (where there is a directory tracebacks)",
			Examples: []string{"tracebacks || true"}, Flags: noArgs(listAll("tracebacks"))},
		{Name: "print", Args: "N", Doc: "print the traceback of that number or name (in tracebacks)",
			Examples: []string{"print 1 || true"}, Flags: verb.Plain(printOne("tracebacks"))},
		{Name: "threads", Doc: "print what the goroutines, or the threads, do (where there is a file goroutines or threads)",
			Examples: []string{"threads || true"}, Flags: noArgs(printAll("goroutines", "threads"))},
	}
}

// printAll prints the first of the names that is there: a file, or all files of a
// directory.
func printAll(names ...string) verb.Run {
	return func(ctx context.Context, c *verb.Call) error {
		for _, name := range names {
			switch info, err := c.Space.Stat(ctx, c.Path(name)); {
			case errors.Is(err, fs.ErrNotExist):
				continue
			case err != nil:
				return err
			case info.IsDir():
				return printDir(ctx, c, name)
			}
			return printFile(ctx, c, name)
		}
		return notHere(ctx, c, names)
	}
}

// notHere also says which plugins of the program have what is missing.
func notHere(ctx context.Context, c *verb.Call, names []string) error {
	var there []string
	for _, dir := range plugins(ctx, c) {
		for _, name := range names {
			if _, err := c.Space.Stat(ctx, path.Join(dir, name)); err == nil {
				there = append(there, dir)
				break
			}
		}
	}
	hint := ""
	if len(there) > 0 {
		hint = ", but in " + strings.Join(there, " and ")
	}
	return verb.Usagef("there is no %s in %s%s", strings.Join(names, " and no "), c.Dir, hint)
}

func printFile(ctx context.Context, c *verb.Call, name string) error {
	in, err := c.Open(ctx, name)
	if err != nil {
		return err
	}
	_, err = in.WriteTo(c.Stdout)
	return errors.Join(err, in.Close())
}

// printDir prints all files of a directory, an empty line between them. One that
// has gone since is left out.
func printDir(ctx context.Context, c *verb.Call, dir string) error {
	entries, err := c.Space.ReadDir(ctx, c.Path(dir))
	if err != nil {
		return err
	}
	begun := false
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		in, err := c.Open(ctx, path.Join(dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			c.Warn(err)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			continue
		}
		if begun {
			fmt.Fprintln(c.Stdout)
		}
		begun = true
		_, err = in.WriteTo(c.Stdout)
		in.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// listAll lists a directory, the newest last.
func listAll(dir string) verb.Run {
	return func(ctx context.Context, c *verb.Call) error {
		entries, err := c.Space.ReadDir(ctx, c.Path(dir))
		if errors.Is(err, fs.ErrNotExist) {
			return notHere(ctx, c, []string{dir})
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			if _, err := fmt.Fprintln(c.Stdout, e.Name()); err != nil {
				return err
			}
		}
		return nil
	}
}

// printOne prints one entry of a directory: a file; of a directory the file that
// has its kind's name, the traceback of tracebacks/1, or all if there is none.
func printOne(dir string) verb.Run {
	return func(ctx context.Context, c *verb.Call) error {
		if len(c.Args) != 1 {
			return c.WrongUse()
		}
		if _, err := c.Space.Stat(ctx, c.Path(dir)); errors.Is(err, fs.ErrNotExist) {
			return notHere(ctx, c, []string{dir})
		}
		entry := path.Join(dir, c.Args[0])
		own := path.Join(entry, strings.TrimSuffix(dir, "s"))
		if info, err := c.Space.Stat(ctx, c.Path(own)); err == nil && !info.IsDir() {
			return printFile(ctx, c, own)
		}
		return printAll(entry)(ctx, c)
	}
}
