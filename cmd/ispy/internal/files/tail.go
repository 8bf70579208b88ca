package files

import (
	"context"
	"errors"
	"io"
	"math"
	"time"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

var tail = verb.Verb{
	Name: "tail",
	Args: "[-n LINES | -c BYTES] [-f] [-s SECONDS] [-q] [PATH...]",
	Doc:  "print the end of files, and what they grow by",
	More: `-20 is the same as -n 20; +20 is all from line 20 on. -f goes on with what is
added, until it is interrupted: a stream, such as audit, is looked at four times
a second, and tells how many records were dropped if they came faster than they
were read; any other file is read anew each second.`,
	Examples: []string{"tail -n 3 README", "tail audit", "tail -n +2 plugins"},
	Rewrite:  oldForm,
	Flags: func(flags *pflag.FlagSet) verb.Run {
		lines := flags.StringP("lines", "n", "10", "so many `LINES`, or +N: from line N on")
		size := flags.StringP("bytes", "c", "", "so many `BYTES` instead, or +N: from byte N on; k and M are units")
		follow := flags.BoolP("follow", "f", false, "go on with what is added")
		every := flags.Float64P("sleep", "s", 0, "with -f: look every so many `SECONDS`")
		flags.Lookup("sleep").DefValue = ""
		quiet := flags.BoolP("quiet", "q", false, "no names above several files")
		return func(ctx context.Context, c *verb.Call) error {
			a, err := parseAmount("n", *lines, false, true)
			if flags.Changed("bytes") {
				a, err = parseAmount("c", *size, true, true)
			}
			if err != nil {
				return err
			}
			f := follower{Call: c, titles: titles{out: c.Stdout, wanted: len(c.Args) > 1 && !*quiet}, wait: streamWait, rest: restWait}
			if flags.Changed("sleep") {
				if !(*every > 0 && *every < math.MaxInt32) {
					return verb.Usagef("-s %v: it takes a number of seconds above 0", *every)
				}
				f.wait, f.rest = time.Duration(*every*float64(time.Second)), 1
			}
			defer f.close()
			err = c.Each(ctx, c.Args, func(in *verb.Input) error {
				if err := f.title(in.Name); err != nil {
					return err
				}
				return f.begin(ctx, in, a, *follow)
			})
			if err != nil || !*follow {
				return err
			}
			return f.follow(ctx)
		}
	},
}

// copyTail copies the end of a file and returns the offset that it ends at.
func copyTail(out io.Writer, in io.Reader, f readerAt, size int64, a amount) (int64, error) {
	switch {
	case a.from:
		return copyFrom(out, in, a)
	case f == nil || size == 0: // what has no size may have a content all the same
		kept, n, err := lastOf(in, a)
		if err == nil {
			_, err = out.Write(kept)
		}
		return n, err
	}
	off, err := lastAt(f, size, a)
	if err != nil {
		return 0, err
	}
	return copyOn(out, f, off)
}

// readerAt is space.File's way of reading: a short read is not the end.
type readerAt interface {
	ReadAt(p []byte, off int64) (int, error)
}

// block is how much is read at once.
const block = 64 << 10

// copyOn copies all from the offset on, and returns where it ends.
func copyOn(out io.Writer, f readerAt, off int64) (int64, error) {
	b := make([]byte, block)
	for {
		n, err := f.ReadAt(b, off)
		if n > 0 {
			off += int64(n)
			if _, err := out.Write(b[:n]); err != nil {
				return off, err
			}
		}
		if err == io.EOF || n == 0 && err == nil {
			return off, nil
		}
		if err != nil {
			return off, err
		}
	}
}

// copyFrom copies all from the Nth line or byte on.
func copyFrom(out io.Writer, in io.Reader, a amount) (int64, error) {
	a.n = max(a.n-1, 0) // what is left out
	b := make([]byte, block)
	for off := int64(0); ; {
		n, err := in.Read(b)
		off += int64(n)
		if _, werr := out.Write(b[a.take(b[:n]):n]); werr != nil {
			return off, werr
		}
		if err == io.EOF {
			return off, nil
		}
		if err != nil {
			return off, err
		}
	}
}

// lastAt finds where the last lines or bytes of a file begin, from its end on.
func lastAt(f readerAt, size int64, a amount) (int64, error) {
	if a.bytes {
		return max(0, size-a.n), nil
	}
	if a.n == 0 {
		return size, nil
	}
	b := make([]byte, block)
	for end := size; end > 0; {
		from := max(0, end-block)
		part := b[:end-from]
		if err := readFull(f, part, from); err == io.EOF {
			return from, nil // it has become shorter
		} else if err != nil {
			return 0, err
		}
		for i := len(part) - 1; i >= 0; i-- {
			if part[i] != '\n' || from+int64(i) == size-1 {
				continue
			}
			if a.n--; a.n == 0 {
				return from + int64(i) + 1, nil
			}
		}
		end = from
	}
	return 0, nil
}

func readFull(f readerAt, p []byte, off int64) error {
	for len(p) > 0 {
		n, err := f.ReadAt(p, off)
		if n == 0 && err == nil {
			err = io.EOF
		}
		if err != nil {
			return err
		}
		p, off = p[n:], off+int64(n)
	}
	return nil
}

// lastOf reads on to the end and keeps the last lines or bytes. It returns how
// many there were in all.
func lastOf(in io.Reader, a amount) ([]byte, int64, error) {
	var kept []byte
	var total int64
	b := make([]byte, block)
	for trim := 2 * block; ; {
		n, err := in.Read(b)
		kept = append(kept, b[:n]...)
		total += int64(n)
		if len(kept) > trim {
			kept = kept[:copy(kept, kept[a.cut(kept):])]
			trim = 2*len(kept) + 2*block
		}
		if errors.Is(err, io.EOF) {
			return kept[a.cut(kept):], total, nil
		}
		if err != nil {
			return nil, total, err
		}
	}
}
