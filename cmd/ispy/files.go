package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

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
			return within(server, near(ctx, c, name, err))
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
			return within(server, near(ctx, c, name, err))
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
	return within(server, near(ctx, c, name, c.WriteFile(ctx, name, []byte(text))))
}
