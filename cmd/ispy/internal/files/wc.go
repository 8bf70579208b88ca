package files

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

var wc = verb.Verb{
	Name: "wc",
	Args: "[-l] [-w] [-c] [PATH...]",
	Doc:  "count the lines, words and bytes of files",
	More: `Without -l, -w and -c it counts all three, in that order. Without PATH it counts
what its standard input has.`,
	Examples: []string{"wc README", "wc -l runtime/goroutines", "cat process/environ | wc -l"},
	Flags: func(flags *pflag.FlagSet) verb.Run {
		var o wcOptions
		flags.BoolVarP(&o.lines, "lines", "l", false, "count lines")
		flags.BoolVarP(&o.words, "words", "w", false, "count words")
		flags.BoolVarP(&o.bytes, "bytes", "c", false, "count bytes")
		return func(ctx context.Context, c *verb.Call) error {
			if !o.lines && !o.words && !o.bytes {
				o = wcOptions{true, true, true}
			}
			return o.run(ctx, c)
		}
	},
}

type wcOptions struct{ lines, words, bytes bool }

func (o wcOptions) run(ctx context.Context, c *verb.Call) error {
	args := c.Args
	if len(args) == 0 {
		args = []string{"-"}
	}
	var mu sync.Mutex
	var total counter
	err := inOrder(ctx, c.Stdout, slices.Values(args), func(ctx context.Context, arg string, out io.Writer) error {
		in, err := c.Open(ctx, arg)
		if err != nil {
			return err
		}
		defer in.Close()
		var n counter
		if _, err := in.WriteTo(&n); err != nil {
			return err
		}
		mu.Lock()
		total.add(n)
		mu.Unlock()
		if arg == "-" && len(args) == 1 {
			arg = ""
		}
		_, err = io.WriteString(out, o.line(n, arg, len(args)))
		return err
	}, func(_ string, err error) error {
		c.Warn(err)
		return nil
	})
	if err == nil && len(args) > 1 {
		_, err = io.WriteString(c.Stdout, o.line(total, "total", len(args)))
	}
	return err
}

// line is one line of what wc prints. A single number stands alone.
func (o wcOptions) line(n counter, name string, files int) string {
	var b []byte
	width := 8
	if single := o == (wcOptions{lines: true}) || o == (wcOptions{words: true}) || o == (wcOptions{bytes: true}); single && files == 1 {
		width = 0
	}
	for _, v := range []struct {
		wanted bool
		n      int64
	}{{o.lines, n.lines}, {o.words, n.words}, {o.bytes, n.bytes}} {
		if v.wanted {
			b = fmt.Appendf(b, "%*d", width, v.n)
		}
	}
	if name != "" {
		b = append(append(b, ' '), name...)
	}
	return string(append(b, '\n'))
}

// counter counts what is written to it.
type counter struct {
	lines, words, bytes int64
	word                bool   // in a word
	rest                []byte // of a character that has begun
}

func (n *counter) add(m counter) {
	n.lines += m.lines
	n.words += m.words
	n.bytes += m.bytes
}

func (n *counter) Write(p []byte) (int, error) {
	n.bytes += int64(len(p))
	n.lines += int64(bytes.Count(p, []byte{'\n'}))
	b := append(n.rest, p...)
	for len(b) > 0 && (b[0] < utf8.RuneSelf || utf8.FullRune(b)) {
		r, size := rune(b[0]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(b)
		}
		space := unicode.IsSpace(r)
		if !space && !n.word {
			n.words++
		}
		n.word = !space
		b = b[size:]
	}
	n.rest = append(n.rest[:0:0], b...)
	return len(p), nil
}
