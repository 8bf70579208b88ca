package files

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/fs/client"
)

var ls = verb.Verb{
	Name: "ls",
	Args: "[-l] [-1] [-d] [PATH...]",
	Doc:  "list directories",
	More: `-l shows mode, size, name and what the file is. The size of what is made when
it is read is not known before, and shown as -; stat finds it out. At the top,
/, ls lists the programs, and -l what each runs, for how long, and how it is. A
terminal gets as much of each line as it has room for; stat shows it all.`,
	Examples: []string{"ls", "ls -l process", "ls -d runtime"},
	Flags: func(flags *pflag.FlagSet) verb.Run {
		var o listOptions
		flags.BoolVarP(&o.long, "long", "l", false, "with mode, size and what each file is")
		flags.BoolVarP(&o.one, "single", "1", false, "one name a line, also on a terminal")
		flags.BoolVarP(&o.self, "directory", "d", false, "directories themselves, not what is in them")
		flags.BoolP("all", "a", false, "means nothing: no names are hidden")
		return func(ctx context.Context, c *verb.Call) error {
			l := lister{Call: c, listOptions: o, out: bufio.NewWriter(c.Stdout)}
			if o.long {
				l.out.Reset(cropped(c))
			}
			err := l.list(ctx)
			return errors.Join(err, l.out.Flush())
		}
	},
}

type listOptions struct{ long, one, self bool }

// lister is one use of ls.
type lister struct {
	*verb.Call
	listOptions
	out *bufio.Writer
}

// list lists what the arguments name: files first, and then directories.
func (l *lister) list(ctx context.Context) error {
	if len(l.Args) == 0 && !l.self {
		return l.directory(ctx, l.Path("."))
	}
	files, dirs, err := l.arguments(ctx)
	if err != nil {
		return err
	}
	if err := l.rows(ctx, files); err != nil {
		return err
	}
	begun := len(files) > 0
	for _, d := range dirs {
		if len(l.Args) > 1 {
			if begun {
				fmt.Fprintln(l.out)
			}
			fmt.Fprintf(l.out, "%s:\n", shown(l.Call, d.name))
		}
		begun = true
		if err := l.directory(ctx, d.path); err != nil {
			return err
		}
	}
	return nil
}

// arguments tells the files from the directories to be listed, several at once.
func (l *lister) arguments(ctx context.Context) (files, dirs []row, err error) {
	args := l.Args
	if len(args) == 0 {
		args = []string{"."}
	}
	rows := make([]row, len(args))
	err = inOrder(ctx, io.Discard, indexes(len(args)), func(ctx context.Context, i int, _ io.Writer) error {
		abs := l.Path(args[i])
		info, err := l.Space.Stat(ctx, abs)
		if err == nil {
			rows[i] = row{name: args[i], path: abs, info: info, mode: info.Mode()}
		}
		return err
	}, func(i int, err error) error {
		switch {
		case err != nil:
			l.Warn(err)
		case rows[i].mode.IsDir() && !l.self:
			dirs = append(dirs, rows[i])
		default:
			files = append(files, rows[i])
		}
		return nil
	})
	return files, dirs, err
}

func (l *lister) directory(ctx context.Context, abs string) error {
	if abs == "/" && l.long {
		return l.programs(ctx)
	}
	entries, err := l.Space.ReadDir(ctx, abs)
	if err != nil {
		l.out.Flush()
		l.Warn(err)
	}
	rows := make([]row, len(entries))
	for i, e := range entries {
		rows[i] = row{name: e.Name(), path: join(abs, e.Name()), entry: e, mode: mode(e)}
	}
	return l.rows(ctx, rows)
}

// row is one file that is listed. Its info is nil until it is asked for.
type row struct {
	name, path string
	entry      fs.DirEntry
	info       fs.FileInfo
	mode       fs.FileMode
}

func (l *lister) rows(ctx context.Context, rows []row) error {
	switch {
	case len(rows) == 0:
		return nil
	case l.long:
		return l.table(ctx, rows)
	case l.Terminal != nil && !l.one:
		width, _ := l.Terminal.Size()
		columns(l.out, l.names(rows), width)
		return nil
	}
	for _, n := range l.names(rows) {
		if _, err := fmt.Fprintln(l.out, n); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) names(rows []row) []label {
	names := make([]label, len(rows))
	for i, r := range rows {
		names[i] = label{text: shown(l.Call, r.name), bold: r.mode.IsDir() && l.Terminal != nil && l.Terminal.Color}
	}
	return names
}

// table prints what ls -l shows. It asks about several files at once.
func (l *lister) table(ctx context.Context, rows []row) error {
	w := tabwriter.NewWriter(l.out, 0, 0, 2, ' ', 0)
	err := inOrder(ctx, w, indexes(len(rows)), func(ctx context.Context, i int, out io.Writer) (err error) {
		r := rows[i]
		if r.info == nil {
			info, ierr := r.entry.Info()
			switch {
			case ierr == nil:
				r.info, r.mode = info, info.Mode()
			case errors.Is(ierr, fs.ErrNotExist): // gone meanwhile
				return nil
			default:
				err = at(r.path, ierr)
			}
		}
		fmt.Fprintf(out, "%v\t%s\t%s", r.mode, size(r.info), shown(l.Call, r.name))
		if text := shown(l.Call, doc(ctx, l.Call, r.path).Text); text != "" {
			fmt.Fprintf(out, "\t%s", text)
		}
		fmt.Fprintln(out)
		return err
	}, func(_ int, err error) error {
		l.Warn(err)
		return nil
	})
	return errors.Join(err, w.Flush())
}

// at gives an error of a file the path that a person knows it by.
func at(abs string, err error) error {
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		return err
	}
	named := *e
	named.Path = abs
	return &named
}

// programs is ls -l of the top.
func (l *lister) programs(ctx context.Context) error {
	servers, err := l.Space.Servers(ctx)
	w := tabwriter.NewWriter(l.out, 0, 0, 2, ' ', 0)
	for _, s := range servers {
		if s.Err != nil {
			continue
		}
		up := "-"
		if !s.Started.IsZero() {
			up = "up " + age(time.Since(s.Started))
		}
		fmt.Fprintf(w, "dr-xr-xr-x\t%s\t%s\t%s\t%s\n", s.Name, shown(l.Call, path.Base(s.Command)), up, s.State)
	}
	return errors.Join(w.Flush(), err)
}
