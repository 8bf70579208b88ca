package files

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

var head = verb.Verb{
	Name: "head",
	Args: "[-n LINES | -c BYTES] [-q] [PATH...]",
	Doc:  "print the beginning of files",
	More: `-20 is the same as -n 20. It reads no more of a file than it needs. Several
files have their names above them.`,
	Examples: []string{"head README", "head -n 3 runtime/stacks", "head -c 100 process/environ"},
	Rewrite:  oldForm,
	Flags: func(flags *pflag.FlagSet) verb.Run {
		lines := flags.StringP("lines", "n", "10", "so many `LINES`")
		size := flags.StringP("bytes", "c", "", "so many `BYTES` instead; k and M are units")
		quiet := flags.BoolP("quiet", "q", false, "no names above several files")
		return func(ctx context.Context, c *verb.Call) error {
			a, err := parseAmount("n", *lines, false, false)
			if flags.Changed("bytes") {
				a, err = parseAmount("c", *size, true, false)
			}
			if err != nil {
				return err
			}
			t := titles{out: c.Stdout, wanted: len(c.Args) > 1 && !*quiet}
			return c.Each(ctx, c.Args, func(in *verb.Input) error {
				if err := t.title(in.Name); err != nil {
					return err
				}
				return copyHead(c.Stdout, in, a)
			})
		}
	},
}

// copyHead copies the beginning of a file, piece by piece.
func copyHead(out io.Writer, in io.Reader, a amount) error {
	block := make([]byte, 32<<10)
	for a.n > 0 {
		ask := len(block)
		if a.bytes {
			ask = int(min(int64(ask), a.n))
		}
		n, err := in.Read(block[:ask])
		end := a.take(block[:n])
		if _, werr := out.Write(block[:end]); werr != nil {
			return werr
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// take is how many bytes of b belong to what is still wanted, which becomes less.
func (a *amount) take(b []byte) int {
	if a.bytes {
		n := min(int64(len(b)), a.n)
		a.n -= n
		return int(n)
	}
	end := 0
	for a.n > 0 {
		i := bytes.IndexByte(b[end:], '\n')
		if i < 0 {
			return len(b)
		}
		end += i + 1
		a.n--
	}
	return end
}

// titles puts the names of files above them.
type titles struct {
	out    io.Writer
	wanted bool
	begun  bool
	last   string
}

// title prints a name, unless what was printed last is of the same file.
func (t *titles) title(name string) error {
	if !t.wanted || t.begun && t.last == name {
		return nil
	}
	if name == "-" {
		name = "standard input"
	}
	before := ""
	if t.begun {
		before = "\n"
	}
	t.begun, t.last = true, name
	_, err := fmt.Fprintf(t.out, "%s==> %s <==\n", before, name)
	return err
}
