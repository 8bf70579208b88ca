package client

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Remove removes the socket of a server that is stale, after another look that
// nobody listens on it. What is no socket, or has a listener again, is left, and
// an error. A socket that is gone already is none.
func (s Server) Remove(ctx context.Context) error {
	if !s.Stale || !filepath.IsAbs(s.Addr) {
		return &Error{Op: "remove", Path: s.Addr, Errno: syscall.EINVAL, Text: "is not stale"}
	}
	nc, _, err := connect(ctx, s.Addr, Options{Root: s.root}.withDefaults())
	if err == nil {
		nc.Close()
		return &Error{Op: "remove", Path: s.Addr, Errno: syscall.EBUSY, Text: "somebody listens again"}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case !errors.Is(err, syscall.ECONNREFUSED):
		return wrap("remove", s.Addr, err)
	}
	lstat, remove, name := os.Lstat, os.Remove, s.Addr
	if s.root != "" { // links beneath it lead nowhere else
		root, err := os.OpenRoot(s.root)
		if err != nil {
			return wrap("remove", s.Addr, err)
		}
		defer root.Close()
		lstat, remove, name = root.Lstat, root.Remove, s.Addr[1:]
	}
	info, err := lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return wrap("remove", s.Addr, err)
	case info.Mode().Type() != fs.ModeSocket:
		return &Error{Op: "remove", Path: s.Addr, Errno: syscall.EINVAL, Text: "is not a socket"}
	}
	if err := remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return wrap("remove", s.Addr, err)
	}
	return nil
}
