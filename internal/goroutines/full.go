package goroutines

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"time"
)

// WriteFull writes the runtime's own dump of all goroutines, which shows what
// no other way does: how many minutes they have been waiting, and the words of
// their arguments. The whole program stands still while the runtime makes it,
// about 10 microseconds for each goroutine, and again where the buffer was too
// small; so ask for it knowingly. A limit of o is kept; labels are not in it.
func WriteFull(ctx context.Context, w io.Writer, o Options) error {
	limit := int64(64 << 20)
	if o.Limit > 0 {
		limit = o.Limit
	}
	limit = max(limit-reserve, 0)
	count := runtime.NumGoroutine()
	// A kilobyte each is seldom too little. Each try is a stop, so the second
	// one is the last.
	size := min(int64(count)*1024+(64<<10), limit)
	var buf []byte
	var n, stops int
	var stopped time.Duration
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		buf = nil // let the smaller one go first
		buf = make([]byte, size)
		start := time.Now()
		n = runtime.Stack(buf, true)
		stopped = max(stopped, time.Since(start))
		stops++
		if n < len(buf) || size == limit {
			break
		}
		size = min(4*size, limit)
	}
	buf = buf[:n]
	full := int64(n) == limit
	if full {
		// The last one is cut somewhere.
		if i := bytes.LastIndex(buf, []byte("\n\n")); i >= 0 {
			buf = buf[:i+1]
		}
	}
	_, err := fmt.Fprintf(w, "# %d goroutines, by runtime.Stack; the whole program stood still for %s", count, round(stopped))
	if err == nil && stops > 1 {
		_, err = fmt.Fprintf(w, ", %d times", stops)
	}
	if err == nil {
		_, err = io.WriteString(w, "\n\n")
	}
	if err == nil {
		_, err = w.Write(buf)
	}
	if err == nil && full {
		shown := bytes.Count(buf, []byte("\ngoroutine ")) + 1
		_, err = fmt.Fprintf(w, "\n# cut: %d of %d goroutines are missing here, there was no room for them; stacks shows all, grouped\n", max(count-shown, 1), count)
	}
	return err
}
