package watching

import (
	"bytes"
	"hash/maphash"
	"io"
	"sync"
)

// maxOutput is the most bytes that are kept of what a run prints.
const maxOutput = 1 << 20

// output is what a run prints: its beginning, and a sum of all. Stdout and stderr
// may be written at once.
type output struct {
	shownOut, shownErr io.Writer // nil to keep it only

	mu   sync.Mutex
	text []byte
	sum  maphash.Hash
	err  error // the first of showing it
}

// seed makes the sums of all runs comparable.
var seed = maphash.MakeSeed()

func newOutput(stdout, stderr io.Writer) *output {
	o := &output{shownOut: stdout, shownErr: stderr}
	o.sum.SetSeed(seed)
	return o
}

func (o *output) same(other *output) bool {
	return o.sum.Sum64() == other.sum.Sum64() && bytes.Equal(o.text, other.text)
}

func (o *output) stdout() io.Writer { return writer{o, o.shownOut} }
func (o *output) stderr() io.Writer { return writer{o, o.shownErr} }

type writer struct {
	o    *output
	show io.Writer
}

func (w writer) Write(p []byte) (int, error) {
	o := w.o
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p[:min(len(p), maxOutput-len(o.text))]...)
	o.sum.Write(p)
	if w.show == nil {
		return len(p), nil
	}
	n, err := w.show.Write(p)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}
