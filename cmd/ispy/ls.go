package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/ispyd/ispyd/fs/client"
)

// ls lists directories.
func ls(sh *shell, ctx context.Context, args []string) error {
	long := false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && len(args[0]) > 1 {
		if args[0] != "-l" {
			return wrongUse("ls")
		}
		long, args = true, args[1:]
	}
	if len(args) == 0 {
		args = []string{"."}
	}
	l := lister{sh: sh, ctx: ctx, long: long, titles: len(args) > 1}
	return sh.each(args, l.list)
}

// lister is one use of ls.
type lister struct {
	sh     *shell
	ctx    context.Context
	long   bool
	titles bool // a line with the name before each directory
	begun  bool
}

func (l *lister) list(arg string) error {
	c, server, name, err := l.sh.open(l.ctx, arg)
	switch {
	case err != nil:
		return err
	case c == nil:
		l.title(arg)
		return l.sh.lsTop(l.ctx, l.long)
	}
	entries, err := c.ReadDir(l.ctx, name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		// A file is listed as itself.
		info, serr := c.Stat(l.ctx, name)
		if serr == nil && !info.IsDir() {
			return l.files(c, path.Dir("/"+name), []client.Info{info}, arg)
		}
	}
	if err != nil {
		return within(server, near(l.ctx, c, name, err))
	}
	l.title(arg)
	if !l.long {
		for _, e := range entries {
			if _, err := fmt.Fprintln(l.sh.stdout, e.Name()); err != nil {
				return err
			}
		}
		return nil
	}
	infos, err := stats(l.ctx, c, name, entries)
	if err != nil {
		return within(server, err)
	}
	return l.files(c, "/"+name, infos, "")
}

// title prints the name of a directory where there are several.
func (l *lister) title(arg string) {
	if !l.titles {
		return
	}
	if l.begun {
		fmt.Fprintln(l.sh.stdout)
	}
	l.begun = true
	fmt.Fprintf(l.sh.stdout, "%s:\n", arg)
}

// lsTop lists the programs.
func (sh *shell) lsTop(ctx context.Context, long bool) error {
	live, err := sh.config.Servers(ctx)
	w := tabwriter.NewWriter(sh.stdout, 0, 0, 2, ' ', 0)
	for _, s := range live {
		switch {
		case s.Err != nil:
		case long:
			fmt.Fprintf(w, "dr-xr-xr-x\t-\t%s\t%s, %s\n", s.Name, s.Command, s.State)
		default:
			fmt.Fprintln(w, s.Name)
		}
	}
	return errors.Join(w.Flush(), err)
}

// stats asks for what ls -l shows, of several files at once.
func stats(ctx context.Context, c *connection, dir string, entries []client.Entry) ([]client.Info, error) {
	infos := make([]client.Info, len(entries))
	errs := make([]error, len(entries))
	slots := make(chan struct{}, 16)
	var wg sync.WaitGroup
	for i, e := range entries {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			infos[i], errs[i] = c.Stat(ctx, path.Join(dir, e.Name()))
		})
	}
	wg.Wait()
	var list []client.Info
	for i, err := range errs {
		switch {
		case err == nil:
			list = append(list, infos[i])
		case errors.Is(err, os.ErrNotExist): // gone meanwhile
		default:
			return nil, err
		}
	}
	return list, nil
}

// files prints files of the directory dir: mode, size, name and, from the tree's
// README, what each is. The size of what is rendered is not known, "-". as is the
// name to show in place of a single file's own.
func (l *lister) files(c *connection, dir string, infos []client.Info, as string) error {
	w := tabwriter.NewWriter(l.sh.stdout, 0, 0, 2, ' ', 0)
	for _, info := range infos {
		name := info.Name()
		if as != "" {
			name = as
		}
		if !l.long {
			fmt.Fprintln(w, name)
			continue
		}
		size := "-"
		if info.Size() > 0 && !info.IsDir() {
			size = fmt.Sprint(info.Size())
		}
		doc := c.doc(l.ctx, path.Join(dir, info.Name()))
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%v\t%s\t%s\t%s", info.Mode(), size, name, doc), "\t"))
	}
	return w.Flush()
}

// doc is the line of documentation of a file, "" where the tree has none.
func (c *connection) doc(ctx context.Context, name string) string {
	if c.docs == nil {
		c.docs = map[string]string{}
		readme, err := c.ReadFile(ctx, "README")
		if err != nil {
			return ""
		}
		// path, kind, doc
		for line := range strings.Lines(string(readme)) {
			if f := strings.SplitN(strings.TrimRight(line, "\n"), "\t", 3); len(f) == 3 {
				c.docs[strings.Trim(f[0], "/")] = f[2]
			}
		}
	}
	return c.docs[strings.Trim(name, "/")]
}
