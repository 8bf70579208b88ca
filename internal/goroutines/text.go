package goroutines

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Options say how a dump is written.
type Options struct {
	// Limit is the most bytes that are written, 0 for no limit. What does not
	// fit is left out in whole goroutines or stacks, and the last line says how
	// many.
	Limit int64
	// Label returns a label's value as it may be shown; nil shows it as it is.
	Label func(key, value string) string
}

// WriteText writes the goroutines by id in the format of the standard dump (that
// of a panic, of pprof's debug=2 and of runtime.Stack), which its parsers read.
// Three things differ: the first line, which begins with #, says how the dump
// was made and what it cost; the arguments of calls are not known, so that each
// is func(...); wait times are not known.
//
//	# 3 goroutines, by instant trace in 1.9ms, ...
//
//	goroutine 7 [chan receive, locked to thread]:
//	main.work(...)
//		/src/main.go:12 +0x1d
//	created by main.main in goroutine 1
//		/src/main.go:8 +0x85
//
// "stack from profile" in the brackets is [Goroutine.Inferred]. Where the ids are
// not known ([Dump.HasIDs]) it writes what [Dump.WriteStacks] does.
func (d *Dump) WriteText(ctx context.Context, w io.Writer, o Options) error {
	if !d.HasIDs() {
		return d.WriteStacks(ctx, w, o)
	}
	p := newPrinter(ctx, w, o)
	p.b = d.appendSummary(p.b)
	cache := stackCache{d: d}
	p.flush()
	for i := range d.gs {
		e := &d.gs[i]
		p.b = append(p.b, '\n')
		p.b = d.appendGoroutine(p.b, e, &cache, o)
		if !p.fits() {
			return p.cut("goroutine", len(d.gs)-i, len(d.gs))
		}
	}
	return p.close()
}

// WriteGoroutine writes one goroutine as WriteText does, and reports whether
// there is one of that id.
func (d *Dump) WriteGoroutine(w io.Writer, id uint64, o Options) (bool, error) {
	i, ok := d.index(id)
	if !ok {
		return false, nil
	}
	_, err := w.Write(d.appendGoroutine(nil, &d.gs[i], &stackCache{d: d}, o))
	return true, err
}

// appendSummary appends the first line.
func (d *Dump) appendSummary(b []byte) []byte {
	b = fmt.Appendf(b, "# %d goroutines, by %s in %s", d.Len(), d.Way, round(d.Cost.Whole))
	if d.HasIDs() {
		b = fmt.Appendf(b, " (slot held %s, %d bytes, %d looks", round(d.Cost.Capture), d.Cost.Bytes, d.Cost.Looks)
		if d.Cost.Profiled {
			b = append(b, ", goroutine profile"...)
		}
		b = append(b, ')')
	} else {
		b = fmt.Appendf(b, ": %s, so ids and states are not known", d.NoIDs())
	}
	if d.Cost.Turn > shortOfCPU {
		b = fmt.Appendf(b, "; a goroutine waits %s for its turn", round(d.Cost.Turn))
	}
	if d.Cost.Stop > 0 {
		b = fmt.Appendf(b, "; longest stop of the program at most %s", round(d.Cost.Stop))
	}
	if d.Creators != nil {
		b = fmt.Appendf(b, "; created by: not known here (%v)", d.Creators)
	}
	if d.Labels != nil {
		b = fmt.Appendf(b, "; labels: not known here (%v)", d.Labels)
	}
	return append(b, '\n')
}

// round is for people: three digits do.
func round(d time.Duration) time.Duration {
	switch {
	case d > time.Second:
		return d.Round(10 * time.Millisecond)
	case d > time.Millisecond:
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(10 * time.Nanosecond)
}

func (d *Dump) appendGoroutine(b []byte, e *entry, cache *stackCache, o Options) []byte {
	b = append(b, "goroutine "...)
	b = strconv.AppendUint(b, e.id, 10)
	b = append(b, " ["...)
	b = append(b, d.stateOf(e)...)
	if e.flags&locked != 0 {
		b = append(b, ", locked to thread"...)
	}
	if e.flags&inferred != 0 {
		b = append(b, ", stack from profile"...)
	}
	if e.labels != 0 {
		b = append(b, ", labels:{"...)
		for i, l := range d.labels[e.labels] {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = appendLabel(b, l, o)
		}
		b = append(b, '}')
	}
	b = append(b, "]:\n"...)
	b = append(b, cache.text(e.stack)...)
	if e.creator != 0 {
		f := &d.frames[e.creator-1]
		b = append(b, "created by "...)
		b = append(b, f.Func...)
		if e.parent != 0 {
			b = append(b, " in goroutine "...)
			b = strconv.AppendUint(b, e.parent, 10)
		}
		b = appendPlace(append(b, '\n'), f, true)
	}
	return b
}

// stateOf returns the state as the standard dump puts it.
func (d *Dump) stateOf(e *entry) string {
	if r := d.reasons[e.reason]; r != "" {
		return r
	}
	return e.state.String()
}

// appendLabel appends a label much as the standard dump does with
// GODEBUG=tracebacklabels=1. A closing bracket would end the header for its
// parsers.
func appendLabel(b []byte, l Label, o Options) []byte {
	if o.Label != nil {
		l.Value = o.Label(l.Key, l.Value)
	}
	for i, s := range []string{l.Key, l.Value} {
		if i > 0 {
			b = append(b, ": "...)
		}
		from := len(b)
		b = strconv.AppendQuote(b, s)
		for j := from; j < len(b); j++ {
			if b[j] == ']' {
				b = append(b[:j], append([]byte(`\x5d`), b[j+1:]...)...)
			}
		}
	}
	return b
}

const (
	noStack    = "\tgoroutine running on other thread; stack unavailable\n"
	elidedLine = "...additional frames elided...\n"
)

// appendCall appends the two lines of a call. Offsets tell apart calls of one
// line, which a group of stacks does not.
func appendCall(b []byte, f *Frame, offset bool) []byte {
	switch f.Func {
	case "runtime.gopanic":
		b = append(b, "panic"...)
	case "":
		b = append(b, "non-Go function"...)
	default:
		b = append(b, f.Func...)
	}
	return appendPlace(append(b, "(...)\n"...), f, offset)
}

func appendPlace(b []byte, f *Frame, offset bool) []byte {
	b = append(b, '\t')
	if f.File == "" {
		b = append(b, "??"...)
	}
	b = append(b, f.File...)
	b = append(b, ':')
	b = strconv.AppendInt(b, int64(f.Line), 10)
	if offset && f.Offset > 0 {
		b = append(b, " +0x"...)
		b = strconv.AppendUint(b, uint64(f.Offset), 16)
	}
	return append(b, '\n')
}

// stackCache keeps the text of the stacks that were used last, since thousands
// of goroutines often have the same.
type stackCache struct {
	d     *Dump
	texts map[uint32][]byte
	size  int
}

// maxCached is how many bytes of text are kept.
const maxCached = 4 << 20

func (c *stackCache) text(n uint32) []byte {
	if n == 0 {
		return []byte(noStack)
	}
	if t, ok := c.texts[n]; ok {
		return t
	}
	frames, elided := c.d.shownStack(n)
	var t []byte
	for i := range frames {
		t = appendCall(t, &frames[i], true)
	}
	if elided {
		t = append(t, elidedLine...)
	}
	if c.size += len(t); c.texts == nil || c.size > maxCached {
		c.texts, c.size = map[uint32][]byte{}, len(t)
	}
	c.texts[n] = t
	return t
}

// printer writes records up to a limit.
type printer struct {
	ctx     context.Context
	w       io.Writer
	b       []byte // complete records, and the one that is being made
	whole   int    // bytes of b that are complete
	left    int64  // room for b and what follows
	err     error
	limited bool
}

// flushAt is how many bytes are written at once.
const flushAt = 64 << 10

// reserve is the room that is kept for the line that says what is missing.
const reserve = 256

func newPrinter(ctx context.Context, w io.Writer, o Options) *printer {
	return &printer{ctx: ctx, w: w, left: o.Limit - reserve, limited: o.Limit > 0, b: make([]byte, 0, flushAt+4096)}
}

// fits ends a record and reports whether there was room for it and more can
// be written.
func (p *printer) fits() bool {
	n := int64(len(p.b) - p.whole)
	if p.limited && n > p.left {
		p.b = p.b[:p.whole]
		return false
	}
	p.left -= n
	p.whole = len(p.b)
	if p.whole >= flushAt {
		p.flush()
	}
	return p.err == nil
}

func (p *printer) flush() {
	if p.err == nil {
		p.err = p.ctx.Err()
	}
	if p.err == nil {
		_, p.err = p.w.Write(p.b)
	}
	p.b, p.whole = p.b[:0], 0
}

// cut ends a text that lacks some of its records.
func (p *printer) cut(what string, missing, all int) error {
	if p.err != nil {
		return p.err
	}
	p.b = fmt.Appendf(p.b, "\n# cut: %d of %d %ss are missing here, there was no room for them; stacks shows all, grouped\n", missing, all, what)
	return p.close()
}

func (p *printer) close() error {
	p.flush()
	return p.err
}
