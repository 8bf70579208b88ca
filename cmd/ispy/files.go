package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"

	"github.com/ispyd/ispyd/fs/client"
)

// pwd prints where we are.
func pwd(sh *shell, _ context.Context, args []string) error {
	if len(args) > 0 {
		return wrongUse("pwd")
	}
	_, err := fmt.Fprintln(sh.stdout, sh.cwd)
	return err
}

// cd goes to a directory that is there.
func cd(sh *shell, ctx context.Context, args []string) error {
	switch len(args) {
	case 0:
		sh.cwd = "/"
		return nil
	case 1:
	default:
		return wrongUse("cd")
	}
	c, server, name, err := sh.open(ctx, args[0])
	if err != nil {
		return err
	}
	if c != nil {
		info, err := c.Stat(ctx, name)
		if err != nil {
			return within(server, err)
		}
		if !info.IsDir() {
			return &client.Error{Path: sh.abs(args[0]), Errno: syscall.ENOTDIR, Text: "is a file; cat prints it"}
		}
	}
	sh.cwd = sh.abs(args[0])
	return nil
}

// cat prints files.
func cat(sh *shell, ctx context.Context, args []string) error {
	if len(args) == 0 {
		return wrongUse("cat")
	}
	return sh.each(args, func(arg string) error {
		c, server, name, err := sh.open(ctx, arg)
		if err != nil {
			return err
		}
		if name == "" {
			return isDirectory(sh.abs(arg))
		}
		f, err := c.Open(ctx, name, os.O_RDONLY)
		if err != nil {
			return within(server, err)
		}
		defer f.Close()
		_, err = f.WriteTo(sh.stdout)
		if errors.Is(err, syscall.EISDIR) {
			return isDirectory(sh.abs(arg))
		}
		return within(server, err)
	})
}

func isDirectory(path string) error {
	return &client.Error{Path: path, Errno: syscall.EISDIR, Text: "is a directory; ls lists it"}
}

// each does something with each argument, and goes on after errors.
func (sh *shell) each(args []string, f func(arg string) error) error {
	code := exitOK
	for _, arg := range args {
		err := f(arg)
		if c := sh.report(err); c != exitOK {
			code = c
		}
		if errors.Is(err, context.Canceled) {
			break
		}
	}
	if code != exitOK {
		return failed(code)
	}
	return nil
}

// echo prints its arguments, or writes them to a file in one piece.
func echo(sh *shell, ctx context.Context, args []string) error {
	at := slices.Index(args, redirect)
	if at < 0 {
		_, err := fmt.Fprintln(sh.stdout, strings.Join(args, " "))
		return err
	}
	if len(args) != at+2 || args[at+1] == redirect {
		return usagef("echo: one path follows >: echo TEXT > PATH")
	}
	text, target := strings.Join(args[:at], " ")+"\n", args[at+1]
	c, server, name, err := sh.open(ctx, target)
	if err != nil {
		return err
	}
	if name == "" {
		return isDirectory(sh.abs(target))
	}
	return within(server, c.WriteFile(ctx, name, []byte(text)))
}

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
	several := len(args) > 1
	first := true
	return sh.each(args, func(arg string) error {
		c, server, name, err := sh.open(ctx, arg)
		switch {
		case err != nil:
			return err
		case c == nil && several:
			fmt.Fprintf(sh.stdout, "%s:\n", arg)
			fallthrough
		case c == nil:
			return sh.lsTop(ctx, long)
		}
		entries, err := c.ReadDir(ctx, name)
		if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EINVAL) {
			// A file is listed as itself.
			info, serr := c.Stat(ctx, name)
			if serr == nil && !info.IsDir() {
				return sh.lsEntries(ctx, c, path.Dir("/"+name), []client.Info{info}, arg, long)
			}
		}
		if err != nil {
			return within(server, err)
		}
		if several {
			if !first {
				fmt.Fprintln(sh.stdout)
			}
			fmt.Fprintf(sh.stdout, "%s:\n", arg)
		}
		first = false
		if !long {
			for _, e := range entries {
				if _, err := fmt.Fprintln(sh.stdout, e.Name()); err != nil {
					return err
				}
			}
			return nil
		}
		infos, err := stats(ctx, c, name, entries)
		if err != nil {
			return within(server, err)
		}
		return sh.lsEntries(ctx, c, "/"+name, infos, "", long)
	})
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

// lsEntries prints files of the directory dir: mode, size, name and, from the
// tree's README, what each is. The size of what is rendered is not known, "-".
// as is the name to show in place of a single file's own.
func (sh *shell) lsEntries(ctx context.Context, c *connection, dir string, infos []client.Info, as string, long bool) error {
	w := tabwriter.NewWriter(sh.stdout, 0, 0, 2, ' ', 0)
	for _, info := range infos {
		name := info.Name()
		if as != "" {
			name = as
		}
		if !long {
			fmt.Fprintln(w, name)
			continue
		}
		size := "-"
		if info.Size() > 0 && !info.IsDir() {
			size = fmt.Sprint(info.Size())
		}
		doc := c.doc(ctx, path.Join(dir, info.Name()))
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
