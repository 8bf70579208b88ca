package verb

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
)

// Open opens a file to be read; "-" is Stdin. With Call.JSON it is the file's
// rendering as JSON, where it has one.
func (c *Call) Open(ctx context.Context, arg string) (*Input, error) {
	if arg == "-" {
		return &Input{Name: "-", r: c.Stdin}, nil
	}
	p := c.Path(arg)
	if c.JSON {
		if twin, ok := c.Space.Twin(ctx, p); ok {
			p = twin
		}
	}
	f, err := c.Space.Open(ctx, p, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return &Input{Name: arg, File: f, r: f}, nil
}

// Input is a file that a verb reads, or its standard input.
type Input struct {
	// Name is the argument that names it.
	Name string
	// File is nil where it is the standard input.
	File *space.File
	r    io.Reader
}

// Read reads on.
func (in *Input) Read(p []byte) (int, error) { return in.r.Read(p) }

// WriteTo reads on to the end.
func (in *Input) WriteTo(w io.Writer) (int64, error) {
	if in.File != nil {
		return in.File.WriteTo(w)
	}
	return io.Copy(w, in.r)
}

// Close closes it; the standard input stays as it is.
func (in *Input) Close() error {
	if in.File != nil {
		return in.File.Close()
	}
	return nil
}

// Each does something with each of the files that the arguments name, or with
// Stdin where there are none, and goes on after errors until it is interrupted or
// nobody reads any more.
func (c *Call) Each(ctx context.Context, args []string, do func(in *Input) error) error {
	if len(args) == 0 {
		args = []string{"-"}
	}
	for _, arg := range args {
		err := c.one(ctx, arg, do)
		if _, silent := silentCode(err); silent || ctx.Err() != nil {
			return err
		}
		c.Warn(err)
	}
	return nil
}

func (c *Call) one(ctx context.Context, arg string, do func(in *Input) error) error {
	in, err := c.Open(ctx, arg)
	if err != nil {
		return err
	}
	return errors.Join(do(in), in.Close())
}
