package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"syscall"

	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/internal/nearest"
)

// The exit codes, as the help page lists them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnreachable = 3
	exitDenied      = 4
	exitTimedOut    = 5
)

// usageError is a command that makes no sense.
type usageError string

func (e usageError) Error() string { return string(e) }

func usagef(format string, args ...any) error { return usageError(fmt.Sprintf(format, args...)) }

// unreachable is a server that does not exist.
type unreachable string

func (e unreachable) Error() string { return string(e) }

func unreachablef(format string, args ...any) error { return unreachable(fmt.Sprintf(format, args...)) }

// failed is the exit code of an error that has been reported already.
type failed int

func (e failed) Error() string { return "failed" }

// report tells the person what went wrong and returns the exit code.
func (sh *shell) report(err error) int {
	if err == nil {
		return exitOK
	}
	if code, ok := errors.AsType[failed](err); ok {
		return int(code)
	}
	fmt.Fprintf(sh.stderr, "ispy: %v\n", err)
	return exitCode(err)
}

func exitCode(err error) int {
	var usage usageError
	var gone unreachable
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, client.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return exitTimedOut
	case errors.Is(err, fs.ErrPermission):
		return exitDenied
	case errors.As(err, &gone), errors.Is(err, client.ErrHungUp), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH):
		return exitUnreachable
	}
	return exitFailed
}

// within names the server in an error about a path of its tree: the person knows
// it as /14905/runtime/ctl.
func within(server string, err error) error {
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		return err
	}
	named := *e
	if e.Op == "dial" {
		named.Path = path.Join("/", server) + ": " + e.Path
	} else {
		named.Path = path.Join("/", server, e.Path)
	}
	return &named
}

// near adds to the error about a file that is not there which may have been
// meant.
func near(ctx context.Context, c *connection, name string, err error) error {
	e, ok := errors.AsType[*client.Error](err)
	if !ok || !errors.Is(err, fs.ErrNotExist) || e.Op == "dial" {
		return err
	}
	dir, base := path.Split(path.Clean("/" + name))
	entries, lerr := c.ReadDir(ctx, dir)
	for errors.Is(lerr, fs.ErrNotExist) && dir != "/" {
		dir, base = path.Split(path.Clean(dir))
		entries, lerr = c.ReadDir(ctx, dir)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	hinted := *e
	hinted.Text += nearest.Hint(base, names)
	return &hinted
}

// reason is err without the address, for a line that has that already.
func reason(err error) string {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return e.Text
	}
	return err.Error()
}
