package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

var cat = verb.Verb{
	Name: "cat",
	Args: "[-n] [-f] [PATH...]",
	Doc:  "print files",
	More: `Without PATH, or where it is -, it prints its standard input. Binary data is not
printed on a terminal, but written to a pipe or a file: cat PATH > local:FILE.`,
	Examples: []string{"cat process/pid", "cat -n plugins", "cat process/cwd runtime/version"},
	Flags: func(flags *pflag.FlagSet) verb.Run {
		number := flags.BoolP("number", "n", false, "number the lines")
		force := flags.BoolP("force", "f", false, "print binary data on a terminal too")
		return func(ctx context.Context, c *verb.Call) error {
			out := c.Stdout
			if *number {
				out = &numberer{out: out}
			}
			return c.Each(ctx, c.Args, func(in *verb.Input) error {
				if c.Terminal != nil && !*force {
					return printText(out, in)
				}
				_, err := in.WriteTo(out)
				return err
			})
		}
	},
}

// firstBlock is how much of a file tells whether it is text.
const firstBlock = 8 << 10

// printText prints a file unless it is binary.
func printText(out io.Writer, in *verb.Input) error {
	block := make([]byte, firstBlock)
	n, err := in.Read(block)
	if binary(block[:n]) {
		return fmt.Errorf("%s is binary, which a terminal does not show: cat -f %[1]s prints it all the same, cat %[1]s > local:FILE saves it", in.Name)
	}
	if _, werr := out.Write(block[:n]); werr != nil {
		return werr
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		_, err = in.WriteTo(out)
	}
	return err
}

// numberer puts a number before each line.
type numberer struct {
	out  io.Writer
	line int
	mid  bool // in a line
	buf  []byte
}

func (w *numberer) Write(p []byte) (int, error) {
	w.buf = w.buf[:0]
	for line := range bytes.Lines(p) {
		if !w.mid {
			w.line++
			w.buf = fmt.Appendf(w.buf, "%6d\t", w.line)
		}
		w.buf = append(w.buf, line...)
		w.mid = line[len(line)-1] != '\n'
	}
	if _, err := w.out.Write(w.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}
