package profile

import (
	"bytes"
	"context"
	"io"
	"strings"
	"time"

	"github.com/ispyd/ispyd/internal/profiles"
	"github.com/ispyd/ispyd/nodes"
)

// textSuffix ends the name of the text form of a profile: heap.txt, cpu/5s.txt.
const textSuffix = ".txt"

// timed is a directory of captures by duration, DURATION and DURATION.txt.
type timed struct {
	nodes.Dir           // DURATION
	text      nodes.Dir // the same, as text
}

// capture takes a profile for some time and writes it.
type capture func(ctx context.Context, d time.Duration, w io.Writer) error

func newTimed(name, doc, textDoc string, max time.Duration, profile, text capture) nodes.Dir {
	return timed{nodes.Timed(name, doc, max, profile), nodes.Timed(name, textDoc, max, text)}
}

// Lookup implements nodes.Dir.
func (t timed) Lookup(ctx context.Context, name string) (nodes.Node, error) {
	stem, ok := strings.CutSuffix(name, textSuffix)
	if !ok {
		return t.Dir.Lookup(ctx, name)
	}
	n, err := t.text.Lookup(ctx, stem)
	if err != nil {
		return nil, err
	}
	return renamed{n.(nodes.File), name}, nil
}

// Explain implements nodes.Explainer.
func (t timed) Explain() []nodes.Help {
	help := t.Dir.(nodes.Explainer).Explain()
	for _, h := range t.text.(nodes.Explainer).Explain() {
		h.Path += textSuffix
		help = append(help, h)
	}
	return help
}

// renamed is a file under another name.
type renamed struct {
	nodes.File
	name string
}

// Name implements nodes.Node.
func (r renamed) Name() string { return r.name }

// taker takes a profile in pprof's format for some time.
type taker func(ctx context.Context, d time.Duration) ([]byte, error)

// shared makes the two forms of one capture, which those who read either share.
func shared(s *share, title string, take taker) (profile, text capture) {
	profile = func(ctx context.Context, d time.Duration, w io.Writer) error {
		data, err := s.do(ctx, d, take)
		if err != nil {
			return err
		}
		return writeWhole(w, data)
	}
	text = func(ctx context.Context, d time.Duration, w io.Writer) error {
		data, err := s.do(ctx, d, take)
		if err != nil {
			return err
		}
		return writeTop(w, title, data)
	}
	return profile, text
}

func writeTop(w io.Writer, title string, data []byte) error {
	p, err := profiles.Read(data)
	if err != nil {
		return err
	}
	return p.WriteTop(w, title)
}

// writeWhole writes what is of no use in part.
func writeWhole(w io.Writer, data []byte) error {
	if len(data) > nodes.MaxRendering {
		return nodes.Errorf(nodes.ErrTooLarge, "%d bytes: more than %d are not shown", len(data), nodes.MaxRendering)
	}
	_, err := w.Write(data)
	return err
}

// topOf makes the text form of a profile.
func topOf(title string, take func(io.Writer) error) func(context.Context, io.Writer) error {
	return func(_ context.Context, w io.Writer) error {
		var b bytes.Buffer
		if err := take(&b); err != nil {
			return err
		}
		return writeTop(w, title, b.Bytes())
	}
}
