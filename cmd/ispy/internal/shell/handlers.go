package shell

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"mvdan.cc/sh/v3/interp"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/fs/client"
)

// fileError is the one type of error that the interpreter prints and goes on
// after; any other ends it. It prints "ispy: PATH: text".
func fileError(abs string, err error) error {
	var file *client.Error
	if !errors.As(err, &file) {
		return &fs.PathError{Op: "ispy:", Path: abs, Err: err}
	}
	return &fs.PathError{Op: "ispy:", Path: file.Path, Err: pathless{err, file.Text}}
}

// pathless is an error that is printed without its path.
type pathless struct {
	error
	text string
}

func (e pathless) Error() string { return e.text }
func (e pathless) Unwrap() error { return e.error }

// open opens what redirections name.
func (sh *Shell) open(ctx context.Context, name string, flags int, perm os.FileMode) (io.ReadWriteCloser, error) {
	hc := interp.HandlerCtx(ctx)
	abs := space.Abs(hc.Dir, name)
	if p, ok := space.Local(abs); ok {
		switch p {
		case "/dev/stdin":
			return nopCloser{struct {
				io.Reader
				io.Writer
			}{hc.Stdin, io.Discard}}, nil
		case "/dev/stdout":
			return nopCloser{struct {
				io.Reader
				io.Writer
			}{strings.NewReader(""), hc.Stdout}}, nil
		case "/dev/stderr":
			return nopCloser{struct {
				io.Reader
				io.Writer
			}{strings.NewReader(""), hc.Stderr}}, nil
		}
		f, err := os.OpenFile(p, flags, perm)
		if err == nil {
			if info, serr := f.Stat(); serr == nil && info.IsDir() {
				f.Close()
				err = syscall.EISDIR
			}
		}
		if err != nil {
			err = fileError(abs, &client.Error{Op: "open", Path: abs, Text: reason(err)})
			sh.redirectFailed(err)
			return nil, err
		}
		return f, nil
	}
	f, err := sh.opts.Space.Open(ctx, abs, flags&^(os.O_CREATE|os.O_EXCL))
	if err != nil {
		err = fileError(abs, err)
		sh.redirectFailed(err)
		return nil, err
	}
	if flags&(os.O_WRONLY|os.O_RDWR) == 0 {
		return f, nil
	}
	return &remote{sh: sh, file: f, errs: hc.Stderr}, nil
}

// reason is an error of the operating system without the path.
func reason(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

type nopCloser struct{ io.ReadWriter }

func (nopCloser) Close() error { return nil }

func (sh *Shell) stat(ctx context.Context, name string, _ bool) (fs.FileInfo, error) {
	info, err := sh.opts.Space.Stat(ctx, absOf(name))
	if err != nil {
		return nil, fileError(name, err)
	}
	if info.Size() == 0 && info.Mode().IsRegular() {
		info = unsized{info}
	}
	return info, nil
}

// unsized is a file whose size is not known until it is opened. It is not taken for
// an empty one: [ -s FILE ] holds.
type unsized struct{ fs.FileInfo }

func (unsized) Size() int64 { return 1 }

// absOf is the path that the interpreter made absolute without knowing of local:.
func absOf(name string) string {
	if i := strings.Index(name, "/"+space.LocalPrefix); i >= 0 {
		return name[i+1:]
	}
	return name
}

// access lets the programs say no themselves, when a file is opened.
func (sh *Shell) access(ctx context.Context, name string, mode interp.AccessMode) error {
	info, err := sh.opts.Space.Stat(ctx, absOf(name))
	if err != nil {
		return err
	}
	bits := uint32(info.Mode().Perm())
	bits = bits | bits>>3 | bits>>6
	if !info.IsDir() && bits&uint32(mode) != uint32(mode) {
		return fs.ErrPermission
	}
	return nil
}

func (sh *Shell) readDir(ctx context.Context, name string) ([]fs.DirEntry, error) {
	entries, err := sh.opts.Space.ReadDir(ctx, name)
	if err != nil {
		return nil, fileError(name, err)
	}
	return entries, nil
}
