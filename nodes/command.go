package nodes

import (
	"context"
	"io/fs"
	"strings"
	"sync"
	"time"
)

// commands is the handle of a file that takes lines: each write is one or more
// whole commands, one a line, the last newline optional. After a write that
// failed, reading gives the text of the error until a write succeeds.
type commands struct {
	name  string
	flags Flags
	// read is what reading shows; nil where the file was opened for writing alone.
	read *Snapshot
	run  func(ctx context.Context, line string) error
	// missing is the error of a write that has nothing but blanks.
	missing string

	mu     sync.Mutex
	failed *Snapshot
	from   int64 // the offset at which reading of failed began, -1 before
}

func (c *commands) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	c.mu.Lock()
	failed := c.failed
	if failed != nil {
		// The reader's position stands behind what it wrote before.
		if c.from < 0 || off < c.from {
			c.from = off
		}
		off -= c.from
	}
	c.mu.Unlock()
	switch {
	case failed != nil:
		return failed.ReadAt(ctx, p, off)
	case c.read == nil:
		return 0, Errorf(fs.ErrInvalid, "%s is not open for reading", c.name)
	}
	return c.read.ReadAt(ctx, p, off)
}

func (c *commands) WriteAt(ctx context.Context, p []byte, _ int64) (int, error) {
	if c.flags&Write == 0 {
		return 0, Errorf(fs.ErrInvalid, "%s is not open for writing", c.name)
	}
	err := c.runAll(ctx, string(p))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = nil
	if err != nil {
		c.failed, c.from = NewSnapshot([]byte(err.Error()+"\n")), -1
		return 0, err
	}
	return len(p), nil
}

// runAll runs each line; the first that fails stops the rest. Blank lines beside
// others do not matter. A write of no bytes at all asks for nothing, but one of
// blanks alone is what a shell makes of a variable that is not set.
func (c *commands) runAll(ctx context.Context, text string) error {
	if text != "" && strings.TrimSpace(text) == "" {
		return Errorf(fs.ErrInvalid, "%s: %s", c.name, c.missing)
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		err := detach(ctx, c.name, func(ctx context.Context) error { return c.run(ctx, line) })
		if err != nil && len(lines) > 1 {
			return Errorf(err, "line %d: %v", i+1, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *commands) Stat() (int64, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.failed != nil:
		return c.failed.Stat()
	case c.read != nil:
		return c.read.Stat()
	}
	return 0, created
}

func (c *commands) Close() error { return nil }
