package nodes_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ispyd/ispyd/nodes"
)

// Of a file that hangs one rendering hangs, however often it is read, and who comes
// once it is known to hang does not wait.
func TestHungRendering(t *testing.T) {
	for _, detached := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var renderings atomic.Int64
			release := make(chan struct{})
			text := nodes.Text("text", "text", func(context.Context, io.Writer) error {
				renderings.Add(1)
				<-release // whatever the context says
				return nil
			})
			open := func() error {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				if detached {
					ctx = nodes.Detached(ctx)
				}
				done := make(chan error, 1)
				go func() {
					_, err := text.Open(ctx, nodes.Read)
					done <- err
				}()
				select {
				case err := <-done:
					return err
				case <-time.After(time.Minute):
					return errors.New("left behind")
				}
			}
			first := open()
			if want := nodes.ErrTimeout; !detached && !errors.Is(first, want) {
				t.Errorf("the first reader: %v, want %v", first, want)
			}
			time.Sleep(2 * time.Second)
			for range 10 {
				began := time.Now()
				err := open()
				if !errors.Is(err, nodes.ErrBusy) || !strings.Contains(err.Error(), "the code behind it has not returned since ") {
					t.Errorf("a later reader: %v", err)
				}
				if d := time.Since(began); d != 0 {
					t.Errorf("a later reader waited %s", d)
				}
			}
			if n := renderings.Load(); n != 1 {
				t.Errorf("%d renderings for one file that hangs", n)
			}
			close(release)
			synctest.Wait()
			if err := open(); err != nil {
				t.Errorf("after its code has returned: %v", err)
			}
		})
	}
}

// A rendering that was left and returns soon holds up nobody: who comes meanwhile
// is served the next.
func TestRenderingLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := nodes.Text("text", "text", func(ctx context.Context, _ io.Writer) error {
			time.Sleep(500 * time.Millisecond)
			return ctx.Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := text.Open(ctx, nodes.Read); !errors.Is(err, nodes.ErrTimeout) {
			t.Errorf("the first reader: %v", err)
		}
		if _, err := text.Open(t.Context(), nodes.Read); err != nil {
			t.Errorf("the second reader: %v", err)
		}
	})
}
