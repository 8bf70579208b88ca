package nodes_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/nodes"
)

// With a context of Detached the code behind a node runs where it is called
// from.
func TestDetached(t *testing.T) {
	var stack string
	note := func() {
		b := make([]byte, 1<<16)
		stack = string(b[:runtime.Stack(b, false)])
	}
	text := nodes.Text("text", "text", func(context.Context, io.Writer) error { note(); return nil })
	ctl := nodes.Ctl("ctl", "ctl", nodes.Verb{Name: "do", Run: func(context.Context, []string) error { note(); return nil }})
	for _, detached := range []bool{false, true} {
		ctx := t.Context()
		if detached {
			ctx = nodes.Detached(ctx)
		}
		if _, err := text.Open(ctx, nodes.Read); err != nil {
			t.Fatal(err)
		}
		if here := strings.Contains(stack, "TestDetached("); here != detached {
			t.Errorf("open: detached %v, here %v", detached, here)
		}
		h, err := ctl.Open(ctx, nodes.Write)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.WriteAt(ctx, []byte("do"), 0); err != nil {
			t.Fatal(err)
		}
		if here := strings.Contains(stack, "TestDetached("); here != detached {
			t.Errorf("write: detached %v, here %v", detached, here)
		}
	}
}

// A rendering that runs where it was called from serves no one who came later,
// and ends with its context unless somebody else waits for it.
func TestDetachedShares(t *testing.T) {
	begun := make(chan int, 10)
	release := make(chan struct{})
	n := 0
	text := nodes.Text("text", "text", func(ctx context.Context, w io.Writer) error {
		n++
		begun <- n
		select {
		case <-release:
		case <-ctx.Done():
			return ctx.Err()
		}
		_, err := fmt.Fprintf(w, "%d", n)
		return err
	})
	read := func(ctx context.Context) <-chan string {
		result := make(chan string, 1)
		go func() {
			h, err := text.Open(ctx, nodes.Read)
			if err != nil {
				result <- err.Error()
				return
			}
			b := make([]byte, 10)
			m, _ := h.ReadAt(ctx, b, 0)
			result <- string(b[:m])
		}()
		return result
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := read(nodes.Detached(ctx))
	<-begun
	var later []<-chan string
	for range 4 {
		later = append(later, read(nodes.Detached(t.Context())))
	}
	cancel()
	if got := <-first; got != "context canceled" {
		t.Errorf("the first read %q", got)
	}
	close(release)
	for _, l := range later {
		if got := <-l; got == "1" || strings.Contains(got, "context") {
			t.Errorf("one that came later read %q", got)
		}
	}
}
