package watching

import (
	"context"
	"io"
	"regexp"
	"time"

	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// watcher is one use of watch.
type watcher struct {
	*verb.Call
	line     string
	interval time.Duration
	count    int // 0: without end
	until    *regexp.Regexp
	change   bool
}

func (w *watcher) run(ctx context.Context) error {
	pause := time.NewTimer(w.interval)
	defer pause.Stop()
	if w.Terminal != nil {
		// The shell's prompt goes below what was shown last.
		defer io.WriteString(w.Stdout, "\n")
	}
	var before *output
	for n := 1; ; n++ {
		out, code, err := w.once(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return err
		case w.until != nil && w.until.Match(out.text), w.change && before != nil && !before.same(out):
			return nil
		case n == w.count && (w.until != nil || w.change):
			return verb.Silent(verb.Failed)
		case n == w.count && code != verb.OK:
			return verb.Silent(code)
		case n == w.count:
			return nil
		}
		before = out
		pause.Reset(w.interval)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// once runs the command and shows what it prints. The error is that of showing it.
func (w *watcher) once(ctx context.Context) (*output, int, error) {
	if w.Terminal == nil {
		out := newOutput(w.Stdout, w.Stderr)
		code := w.Exec(ctx, w.line, out.stdout(), out.stderr())
		return out, code, out.err
	}
	started := time.Now()
	out := newOutput(nil, nil)
	code := w.Exec(ctx, w.line, out.stdout(), out.stderr())
	if ctx.Err() != nil {
		return out, code, nil
	}
	columns, lines := w.Terminal.Size()
	_, err := w.Stdout.Write(screen(w.title(started), out.text, columns, lines))
	return out, code, err
}
