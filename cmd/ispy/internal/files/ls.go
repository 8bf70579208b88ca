package files

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
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
/, ls lists the programs, and -l what each runs, for how long, and how it is.`,
	Examples: []string{"ls", "ls -l process", "ls -d runtime"},
	Flags: func(flags *pflag.FlagSet) verb.Run {
		var o listOptions
		flags.BoolVarP(&o.long, "long", "l", false, "with mode, size and what each file is")
		flags.BoolVarP(&o.one, "single", "1", false, "one name a line, also on a terminal")
		flags.BoolVarP(&o.self, "directory", "d", false, "directories themselves, not what is in them")
		flags.BoolP("all", "a", false, "means nothing: no names are hidden")
		return func(ctx context.Context, c *verb.Call) error {
			l := lister{Call: c, listOptions: o, out: bufio.NewWriter(c.Stdout)}
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
	out   *bufio.Writer
	begun bool
}

// list lists what the arguments name: files first, and then directories.
func (l *lister) list(ctx context.Context) error {
	args := l.Args
	if len(args) == 0 {
		args = []string{"."}
	}
	type dir struct {
		arg     string
		entries []fs.DirEntry
	}
	var dirs []dir
	var files []row
	for _, arg := range args {
		abs := l.Path(arg)
		var lerr error
		if !l.self {
			var entries []fs.DirEntry
			if entries, lerr = l.Space.ReadDir(ctx, abs); lerr == nil {
				dirs = append(dirs, dir{arg, entries})
				continue
			}
			if ctx.Err() != nil || errors.Is(lerr, fs.ErrNotExist) {
				l.Warn(lerr)
				continue
			}
		}
		info, err := l.Space.Stat(ctx, abs)
		if err == nil && info.IsDir() {
			err = lerr
		}
		if err != nil {
			l.Warn(err)
			continue
		}
		files = append(files, row{name: arg, path: abs, info: info, mode: info.Mode()})
	}
	if err := l.rows(ctx, files); err != nil {
		return err
	}
	l.begun = len(files) > 0
	for _, d := range dirs {
		if len(args) > 1 {
			if l.begun {
				fmt.Fprintln(l.out)
			}
			fmt.Fprintf(l.out, "%s:\n", shown(l.Call, d.arg))
		}
		l.begun = true
		if err := l.directory(ctx, l.Path(d.arg), d.entries); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) directory(ctx context.Context, abs string, entries []fs.DirEntry) error {
	if abs == "/" && l.long {
		return l.programs(ctx)
	}
	rows := make([]row, len(entries))
	for i, e := range entries {
		rows[i] = row{name: e.Name(), path: join(abs, e.Name()), entry: e, mode: mode(e)}
	}
	return l.rows(ctx, rows)
}

// row is one file that is listed. info is nil until it is asked for.
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
	all := func(yield func(*row) bool) {
		for i := range rows {
			if !yield(&rows[i]) {
				return
			}
		}
	}
	err := inOrder(ctx, w, iter.Seq[*row](all), func(ctx context.Context, r *row, out io.Writer) (err error) {
		if r.info == nil {
			if r.info, err = r.entry.Info(); errors.Is(err, fs.ErrNotExist) {
				return nil // gone meanwhile
			}
			err = at(r.path, err)
		}
		m, n := r.mode, "-"
		if r.info != nil {
			m, n = r.info.Mode(), size(r.info)
		}
		fmt.Fprintf(out, "%v\t%s\t%s", m, n, shown(l.Call, r.name))
		if text := shown(l.Call, doc(ctx, l.Call, r.path).Text); text != "" {
			fmt.Fprintf(out, "\t%s", text)
		}
		fmt.Fprintln(out)
		return err
	}, func(r *row, err error) error {
		r.info = nil
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
