package capturing

import (
	"context"
	"errors"
	"io"
	"os"
	"path"
	"syscall"

	"github.com/ispyd/ispyd/cmd/ispy/internal/copying"
	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/internal/bundle"
)

// source is a program's tree. It implements bundle.Source.
type source struct {
	space *space.Space
	root  string
	lost  context.CancelCauseFunc // called when the program has gone
}

func (s *source) note(err error) error {
	if copying.IsLost(err) {
		s.lost(err)
	}
	return err
}

// List implements bundle.Source.
func (s *source) List(ctx context.Context, dir string) ([]bundle.Entry, error) {
	list, err := s.space.ReadDir(ctx, path.Join(s.root, dir))
	if err != nil {
		return nil, s.note(err)
	}
	entries := make([]bundle.Entry, len(list))
	for i, e := range list {
		entries[i] = bundle.Entry{Name: e.Name(), Dir: e.IsDir(), Asked: space.Asked(e)}
	}
	return entries, nil
}

// Stat implements bundle.Source.
func (s *source) Stat(ctx context.Context, name string) (bundle.Entry, error) {
	info, err := s.space.Stat(ctx, path.Join(s.root, name))
	if e, ok := errors.AsType[*client.Error](err); ok && e.Errno == syscall.EINVAL {
		// The server's own words come with opening alone.
		f, operr := s.space.Open(ctx, path.Join(s.root, name), os.O_RDONLY)
		if operr == nil {
			f.Close()
		} else {
			err = operr
		}
	}
	if err != nil {
		return bundle.Entry{}, s.note(err)
	}
	return bundle.Entry{Name: path.Base(name), Dir: info.IsDir()}, nil
}

// Copy implements bundle.Source.
func (s *source) Copy(ctx context.Context, name string, w io.Writer) error {
	f, err := s.space.Open(ctx, path.Join(s.root, name), os.O_RDONLY)
	if err != nil {
		return s.note(err)
	}
	defer f.Close()
	_, err = f.WriteTo(w)
	return s.note(err)
}

// errnoOf is the number that an error of the bundle stands for.
func errnoOf(err error) syscall.Errno {
	if errors.Is(err, context.DeadlineExceeded) {
		return syscall.ETIMEDOUT
	}
	return syscall.EIO
}
