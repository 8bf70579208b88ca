package log

import (
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/nodes"
)

func TestLevel(t *testing.T) {
	roots.Lock()
	roots.list = nil // those of other tests
	roots.Unlock()
	var own slog.LevelVar
	logger, out := program(&own)
	db := logger.WithGroup("db")
	pool := db.WithGroup("pool").With("n", 1)
	dir := tree(t, "")
	type level = string
	for _, step := range []struct {
		file, write string
		own         slog.Level
		levels      [3]level // of the top, db, db.pool
		err         string
	}{
		{levels: [3]level{"info", "info", "info"}},
		{own: slog.LevelWarn + 1, levels: [3]level{"warn+1", "warn+1", "warn+1"}},
		{file: "level", write: "debug", levels: [3]level{"debug", "debug", "debug"}},
		{file: "level", write: "INFO+2", levels: [3]level{"info+2", "info+2", "info+2"}},
		{file: "level", write: "loud", levels: [3]level{"info+2", "info+2", "info+2"}, err: `level: "loud" is none of debug, info, warn, error, a form like info+2 or debug-4, or default`},
		{file: "level", write: "info+99999999999", levels: [3]level{"info+2", "info+2", "info+2"}, err: "is none of"},
		{file: "levels/db", write: "debug-4", levels: [3]level{"info+2", "debug-4", "debug-4"}},
		{file: "levels/db.pool", write: "error", levels: [3]level{"info+2", "debug-4", "error"}},
		{file: "level", write: "default", own: slog.LevelInfo, levels: [3]level{"info", "debug-4", "error"}},
		{file: "levels/db", write: "default", levels: [3]level{"info", "info", "error"}},
		{file: "levels/db.pool", write: "default", levels: [3]level{"info", "info", "info"}},
	} {
		own.Set(step.own)
		if step.file != "" {
			err := write(t.Context(), t, dir, step.file, step.write)
			if step.err == "" && err != nil || step.err != "" && (err == nil || !strings.Contains(err.Error(), step.err) || !errors.Is(err, fs.ErrInvalid)) {
				t.Errorf("%s <- %s: %v", step.file, step.write, err)
			}
		}
		for i, l := range []*slog.Logger{logger, db, pool} {
			name := []string{"level", "levels/db", "levels/db.pool"}[i]
			got := strings.TrimSpace(read(t, dir, name))
			if got != step.levels[i] {
				t.Errorf("%s <- %s: %s is %s, want %s", step.file, step.write, name, got, step.levels[i])
			}
			var least slog.Level
			if err := least.UnmarshalText([]byte(step.levels[i])); err != nil {
				t.Fatal(err)
			}
			for at := least - 1; at <= least; at++ {
				out.Reset()
				l.Log(t.Context(), at, "message")
				if logged := out.Len() > 0; logged != (at >= least) || logged != l.Enabled(t.Context(), at) {
					t.Errorf("%s <- %s: %s at %s: logged: %v", step.file, step.write, name, at, logged)
				}
			}
		}
	}
	if n := overrides.Load(); n != 0 {
		t.Errorf("%d levels are set", n)
	}
	if got := read(t, dir, "level.json"); got != "\"info\"\n" {
		t.Errorf("level.json %q", got)
	}
}

func TestLevelLease(t *testing.T) {
	logger, _ := program(slog.LevelInfo)
	dir := tree(t, "")
	leases := nodes.NewLeases(nil)
	ctx := nodes.WithLeases(t.Context(), leases, "log/level")
	for _, w := range []string{"debug for=1h", "error for=2h"} {
		if err := write(ctx, t, dir, "level", w); err != nil {
			t.Fatal(err)
		}
	}
	if l := leases.List(); len(l) != 1 || l[0].Value != "error" || l[0].Own != "info" || l[0].Setting != "log/level" {
		t.Errorf("leases: %+v", l)
	}
	if err := leases.Close(ctx); err != nil {
		t.Error(err)
	}
	if got := read(t, dir, "level"); got != "info\n" || overrides.Load() != 0 || !logger.Enabled(ctx, slog.LevelInfo) {
		t.Errorf("afterwards the level is %q", got)
	}
}

// A level that is set to what the program's own is is told from one that is not set.
func TestLevelPinned(t *testing.T) {
	roots.Lock()
	roots.list = nil // those of other tests
	roots.Unlock()
	var own slog.LevelVar
	logger, _ := program(&own)
	logger.WithGroup("db")
	dir := tree(t, "")
	ownOf := func(name string) string {
		t.Helper()
		n, err := nodes.Walk(t.Context(), dir, name)
		if err != nil {
			t.Fatal(err)
		}
		h, err := n.(nodes.Pinned).Own().Open(t.Context(), nodes.Read)
		if errors.Is(err, fs.ErrNotExist) {
			return "not set"
		}
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		return string(h.(*nodes.Snapshot).Bytes())
	}
	for _, step := range []struct {
		file, write string
		own         slog.Level
		level, db   string
	}{
		{level: "not set", db: "not set"},
		{file: "level", write: "info", level: "info\n", db: "not set"},
		{own: slog.LevelDebug, level: "debug\n", db: "not set"},
		{file: "levels/db", write: "info", own: slog.LevelDebug, level: "debug\n", db: "info\n"},
		{file: "level", write: "default", own: slog.LevelDebug, level: "not set", db: "debug\n"},
		{file: "levels/db", write: "default", level: "not set", db: "not set"},
	} {
		own.Set(step.own)
		if step.file != "" {
			if err := write(t.Context(), t, dir, step.file, step.write); err != nil {
				t.Fatal(err)
			}
		}
		if level, db := ownOf("level"), ownOf("levels/db"); level != step.level || db != step.db {
			t.Errorf("%+v: %q, %q", step, level, db)
		}
	}
}

// A group is there when the program has made its logger; who asks for another is
// told which there are.
func TestNoGroup(t *testing.T) {
	logger, _ := program(slog.LevelInfo)
	logger.WithGroup("cache")
	_, err := nodes.Walk(t.Context(), tree(t, ""), "levels/cahce")
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), `no logger of a group "cahce" has been made`) || !strings.Contains(err.Error(), "there are ") || !strings.Contains(err.Error(), "cache") {
		t.Errorf("%v", err)
	}
}
