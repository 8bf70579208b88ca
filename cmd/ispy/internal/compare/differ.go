package compare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"syscall"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/fs/client"
)

// maxFile is the most bytes of a file that are compared: as much as a program
// renders by default. More than one pair of files over bigFile is not held at a
// time.
const (
	maxFile = 64 << 20
	bigFile = 2 << 20
)

// differ is one use of diff.
type differ struct {
	*verb.Call
	context     int
	brief, text bool

	differ, failed bool
	showErr        error
	big            chan struct{}
}

// errShow says that the output cannot be written: see differ.showErr.
var errShow = errors.New("the output cannot be written")

// side is one of two files, absolute as the namespace has it, and as it is shown.
type side struct{ abs, name string }

func (s side) in(name string) side {
	return side{join(s.abs, name), join(s.name, name)}
}

func join(dir, name string) string {
	if p, ok := strings.CutPrefix(dir, space.LocalPrefix); ok {
		return space.LocalPrefix + path.Join(p, name)
	}
	return path.Join(dir, name)
}

func (d *differ) run(ctx context.Context) error {
	if len(d.Args) != 2 {
		return d.WrongUse()
	}
	if d.context < 0 {
		return verb.Usagef("-u %d: the least number of lines is 0", d.context)
	}
	d.big = make(chan struct{}, 1)
	var sides [2]side
	var isDir [2]bool
	for i, arg := range d.Args {
		sides[i] = side{d.Path(arg), arg}
		if arg == "-" {
			sides[i].abs = "-"
			continue
		}
		if arg == space.LocalPrefix {
			sides[i].abs += "."
		}
		info, err := d.Space.Stat(ctx, sides[i].abs)
		if err != nil {
			return err
		}
		isDir[i] = info.IsDir()
	}
	if sides[0].abs == "-" && sides[1].abs == "-" {
		return nil
	}
	switch {
	case isDir[0] && isDir[1]:
		return d.directories(ctx, sides[0], sides[1])
	case isDir[0]:
		sides[0] = sides[0].in(path.Base(sides[1].abs))
	case isDir[1]:
		sides[1] = sides[1].in(path.Base(sides[0].abs))
	}
	return d.show(d.files(ctx, sides[0], sides[1]))
}

// result is what came of the comparison of two files.
type result struct {
	text   []byte // what is to be shown
	differ bool
	err    error
}

// show shows a result; the error says that this was not possible.
func (d *differ) show(r result) error {
	if r.err != nil {
		d.failed = true
		d.Warn(r.err)
		return nil
	}
	d.differ = d.differ || r.differ
	if _, err := d.Stdout.Write(r.text); err != nil {
		d.showErr = err
		return errShow
	}
	return nil
}

// files compares two files.
func (d *differ) files(ctx context.Context, a, b side) result {
	var held bool
	x, err := d.load(ctx, a.abs, &held)
	if err == nil {
		var y []byte
		if y, err = d.load(ctx, b.abs, &held); err == nil {
			// Comparing large files takes a while; who is interrupted does
			// not wait for the end of it, only the memory does.
			done := make(chan result, 1)
			go func() {
				done <- d.contents(a.name, x, b.name, y)
				if held {
					<-d.big
				}
			}()
			select {
			case r := <-done:
				return r
			case <-ctx.Done():
				return result{err: context.Cause(ctx)}
			}
		}
	}
	if held {
		<-d.big
	}
	return result{err: err}
}

// load reads a file. For a large one it waits until no other pair has one.
func (d *differ) load(ctx context.Context, abs string, held *bool) ([]byte, error) {
	r := d.Stdin
	if abs != "-" {
		f, err := d.Space.Open(ctx, abs, 0)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		r = f
	}
	data, err := io.ReadAll(io.LimitReader(r, bigFile))
	if err != nil || len(data) < bigFile {
		return data, err
	}
	if !*held {
		select {
		case d.big <- struct{}{}:
			*held = true
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	whole := bytes.NewBuffer(data)
	_, err = io.Copy(whole, io.LimitReader(r, maxFile+1-bigFile))
	if err == nil && whole.Len() > maxFile {
		err = &client.Error{Op: "read", Path: abs, Errno: syscall.EFBIG, Text: fmt.Sprintf("has more than %d bytes, which is too much to compare", maxFile)}
	}
	return whole.Bytes(), err
}

// contents compares by what the files are, which is told by what is in them.
func (d *differ) contents(nameA string, a []byte, nameB string, b []byte) result {
	if bytes.Equal(a, b) {
		return result{}
	}
	if !d.text {
		if x, ok := parseGoroutines(a); ok {
			if y, ok := parseGoroutines(b); ok {
				c := compareGroups(x, y)
				if d.brief || !c.differ() {
					return d.briefly(c.differ(), nameA, nameB)
				}
				return result{text: c.format(nameA, nameB), differ: true}
			}
		}
	}
	switch {
	case d.brief:
		return d.briefly(true, nameA, nameB)
	case bytes.IndexByte(a, 0) >= 0 || bytes.IndexByte(b, 0) >= 0:
		return result{text: fmt.Appendf(nil, "Binary files %s and %s differ\n", nameA, nameB), differ: true}
	}
	return result{text: unified(nameA, a, nameB, b, d.context), differ: true}
}

func (d *differ) briefly(differ bool, nameA, nameB string) result {
	if !differ {
		return result{}
	}
	return result{text: fmt.Appendf(nil, "Files %s and %s differ\n", nameA, nameB), differ: true}
}
