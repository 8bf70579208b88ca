package profile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/ispyd/ispyd/internal/goroutines"
	"github.com/ispyd/ispyd/internal/trigger"
	"github.com/ispyd/ispyd/nodes"
)

// What a capture may take: for each piece of evidence, for the stacks.
const (
	pieceTime  = 2 * time.Second
	pieceBytes = 4 << 20
	stacksTime = 10 * time.Second
)

// collect makes what is kept of a trigger that has come true.
func (p *plugin) collect(ctx context.Context, t watched, v float64) (int, error) {
	now := time.Now()
	var when bytes.Buffer
	fmt.Fprintf(&when, "when\t%s\nvalue\t%v\nunit\t%s\ntime\t%s\ntrigger\t%d\nfrom\t%s\npid\t%d\n", t.text, v, t.armed.Source.Unit, now.Format(time.RFC3339Nano), t.id, t.from, os.Getpid())
	if host, err := os.Hostname(); err == nil {
		fmt.Fprintf(&when, "hostname\t%s\n", host)
	}
	var pieces []piece
	add := func(name string, data []byte, err error) {
		switch {
		case err != nil:
			fmt.Fprintf(&when, "lacks %s\t%s\n", name, nodes.AppendEscaped(nil, err.Error()))
		case slices.ContainsFunc(pieces, func(x piece) bool { return x.name == name }) || name == "when" || !nodes.ValidName(name):
			fmt.Fprintf(&when, "lacks %q\tthe name cannot be used\n", name)
		default:
			pieces = append(pieces, piece{name, data})
		}
	}
	// The trace first: what comes after is in the way of it.
	data, err := p.recorder.read(ctx)
	if room := min(p.store.bytes-pieceBytes, nodes.MaxRendering); err == nil && int64(len(data)) > room {
		err = nodes.Errorf(nodes.ErrTooLarge, "%d bytes are more than the %d that there is room for", len(data), room)
	}
	add("trace", data, err)
	data, err = p.stacks(ctx)
	add("stacks", data, err)
	for _, e := range trigger.Pieces() {
		data, err := write(ctx, e.Write, pieceTime, pieceBytes)
		add(e.Name, data, err)
	}
	pieces = append(pieces, piece{"when", when.Bytes()})
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return p.store.add(pieces)
}

// stacks returns all goroutines, grouped.
func (p *plugin) stacks(ctx context.Context) ([]byte, error) {
	return write(ctx, func(ctx context.Context, w io.Writer) error {
		d, err := dump(ctx)
		if err != nil {
			return err
		}
		return d.WriteStacks(ctx, w, goroutines.Options{Limit: pieceBytes, Label: p.label})
	}, stacksTime, 2*pieceBytes)
}

// write returns what f writes in a time, cut to a number of bytes. f runs on a
// goroutine of its own, which is left behind if it does not heed its context.
func write(ctx context.Context, f func(context.Context, io.Writer) error, d time.Duration, most int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		b := &limited{most: most}
		err := nodes.Protect(func() error { return f(ctx, b) })
		if b.cut && (err == nil || errors.Is(err, nodes.ErrTooLarge)) {
			b.data, err = fmt.Appendf(b.data, "\n[cut at %d bytes]\n", most), nil
		}
		done <- result{b.data, err}
	}()
	select {
	case r := <-done:
		return r.data, r.err
	case <-ctx.Done():
		return nil, nodes.Errorf(nodes.ErrTimeout, "not there after %s", d)
	}
}

// limited keeps what is written, up to a limit.
type limited struct {
	most int
	data []byte
	cut  bool
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.most-len(l.data))
	l.data = append(l.data, p[:n]...)
	if n < len(p) {
		l.cut = true
		return n, nodes.ErrTooLarge
	}
	return n, nil
}
